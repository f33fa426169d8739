import { shared } from '../base/coalesce.ts'
import { listAt, textAt } from '../base/json.ts'
import { holds } from '../domain/policy.ts'
import type { RenderedQuery, Verifier } from '../domain/ports/verifier.ts'
import { combine, type Problem, type QuerySample, type Sample, type Verdict } from '../domain/verdict.ts'
import type { GuardedClient } from '../outgoing/breaker.ts'
import type { ClockOffset } from '../outgoing/clock-offset.ts'
import type { HttpResult } from '../outgoing/http-client.ts'
import { ageQuery } from '../templates/promql.ts'
import { readActiveAlerts } from './alert-rules.ts'
import { type QueryAnswer, readApi, readQueryAnswer } from './prometheus-api.ts'

export interface PrometheusOptions {
  readonly url: string
  readonly client: GuardedClient
  readonly offset: ClockOffset
  readonly now: () => number
  /** Deadline of one call, milliseconds; default 10 s. */
  readonly timeoutMs?: number
  readonly headers?: Readonly<Record<string, string>>
  /** Reads the credential for the header of that name; asked at each call, because tokens are rotated. */
  readonly authorization?: () => Promise<string>
  readonly ca?: string
}

/** The problems that lie with the source, and not with what it measured. */
const SOURCE_PROBLEMS: ReadonlySet<Problem> = new Set([
  'unreachable',
  'deadline',
  'breaker-open',
  'not-ready',
  'malformed-answer',
  'query-rejected'
])

export interface Prometheus extends Verifier {
  /** Asks whether Prometheus answers at all, for `astern status`. */
  check(signal: AbortSignal): Promise<{ readonly reachable: boolean; readonly detail: string }>
  /** The names of the alerting rules, or why they cannot be read. The start of a symptom comes from the same API. */
  alertingRules(signal: AbortSignal): Promise<readonly string[] | { readonly problem: string }>
}

export function createPrometheus(options: PrometheusOptions): Prometheus {
  const base = options.url.replace(/\/+$/, '')
  const deadlineMs = options.timeoutMs ?? 10_000

  async function call(
    method: 'GET' | 'POST',
    path: string,
    form: Readonly<Record<string, string>> | undefined,
    signal: AbortSignal
  ): Promise<HttpResult> {
    let authorization: string | undefined
    try {
      authorization = await options.authorization?.()
    } catch (cause) {
      return {
        kind: 'failed',
        problem: 'unreachable',
        detail: `its credentials cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`
      }
    }
    const result = await options.client.request(
      {
        method,
        url: base + path,
        headers: {
          accept: 'application/json',
          ...options.headers,
          ...(authorization === undefined ? {} : { authorization }),
          ...(form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' })
        },
        ...(form === undefined ? {} : { body: new URLSearchParams(form).toString() }),
        deadlineMs,
        ...(options.ca === undefined ? {} : { tls: { ca: options.ca } })
      },
      signal
    )
    if (result.kind === 'response') options.offset.observe(result)
    return result
  }

  const rules = async (signal: AbortSignal) => readApi(await call('GET', '/api/v1/rules?type=alert', undefined, signal))

  // In a storm every run asks for the rules, so one answer serves all runs that wait for it. It has its own deadline.
  const activeAlerts = shared(async () => {
    const answer = await rules(new AbortController().signal)
    return 'problem' in answer ? undefined : readActiveAlerts(answer.data)
  })

  async function number(promql: string, time: number, signal: AbortSignal): Promise<QueryAnswer> {
    // Thanos answers partial data with 200 unless this parameter forbids it (facts E.4). Prometheus ignores the parameter.
    return readQueryAnswer(
      await call(
        'POST',
        '/api/v1/query',
        { query: promql, time: (time / 1_000).toFixed(3), timeout: `${deadlineMs}ms`, partial_response: 'false' },
        signal
      )
    )
  }

  async function judge(query: RenderedQuery, time: number, signal: AbortSignal): Promise<QuerySample> {
    const started = options.now()
    const age = ageQuery(query.promql)
    const [main, traffic, newest] = await Promise.all([
      number(query.promql, time, signal),
      query.traffic === undefined ? undefined : number(query.traffic.promql, time, signal),
      age === undefined ? undefined : number(age, time, signal)
    ])
    const common = { query: query.name, promql: query.promql, time, tookMs: options.now() - started }
    const no = (problem: Problem, detail: string): QuerySample => ({
      ...common,
      ...numbers,
      verdict: SOURCE_PROBLEMS.has(problem) ? 'error' : 'inconclusive',
      problem,
      detail
    })
    const numbers = {
      ...(main.kind === 'number' ? { value: main.value } : {}),
      ...(traffic?.kind === 'number' ? { traffic: traffic.value } : {})
    }
    if (main.kind === 'problem') return no(main.problem, main.detail)
    if (query.traffic !== undefined && traffic !== undefined) {
      if (traffic.kind === 'problem') return no(traffic.problem, `traffic: ${traffic.detail}`)
      if (traffic.value < query.traffic.atLeast)
        return no('low-traffic', `traffic is ${traffic.value}, at least ${query.traffic.atLeast} is needed`)
    }
    if (newest?.kind === 'problem')
      return no(newest.problem === 'no-data' ? 'stale' : newest.problem, `age of the newest sample: ${newest.detail}`)
    if (newest?.kind === 'number' && newest.value * 1_000 > query.maxAge)
      return no('stale', `the newest sample is ${Math.round(newest.value)} s old, at most ${Math.round(query.maxAge / 1_000)} s is allowed`)
    const verdict: Verdict = holds(query.failWhen, main.value) ? 'fail' : 'pass'
    return { ...common, ...numbers, verdict }
  }

  return {
    async sample(queries, at, signal): Promise<Sample> {
      // All queries of a sample are asked for one instant, in the source's own clock.
      const time = at + options.offset.value()
      const judged = await Promise.all(queries.map(query => judge(query, time, signal)))
      return { time, ...combine(judged), queries: judged }
    },

    async activeAt(labels, signal) {
      if (labels['alertname'] === undefined || signal.aborted) return undefined
      return (await activeAlerts())?.activeAt(labels)
    },

    clockOffset: () => options.offset.value(),

    async alertingRules(signal) {
      const answer = await rules(signal)
      if ('problem' in answer) return { problem: `${answer.problem}: ${answer.detail}` }
      return listAt(answer.data, 'data', 'groups')
        .flatMap(group => listAt(group, 'rules'))
        .flatMap(rule => textAt(rule, 'name') ?? [])
    },

    async check(signal) {
      const answer = readApi(await call('POST', '/api/v1/query', { query: 'vector(1)' }, signal))
      return 'problem' in answer
        ? { reachable: false, detail: `${answer.problem}: ${answer.detail}` }
        : { reachable: true, detail: 'answers queries' }
    }
  }
}
