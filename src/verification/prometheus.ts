import { atMost } from '../base/at-most.ts'
import { orAborted, sharedByKey } from '../base/coalesce.ts'
import { listAt, textAt } from '../base/json.ts'
import type { History } from '../domain/history.ts'
import type { RenderedQuery, Verifier } from '../domain/ports/verifier.ts'
import { combine, type QuerySample, type Sample } from '../domain/verdict.ts'
import type { GuardedClient } from '../outgoing/breaker.ts'
import type { ClockOffset } from '../outgoing/clock-offset.ts'
import type { HttpResult } from '../outgoing/http-client.ts'
import { ageQuery } from '../promql/age.ts'
import { judge } from './judgement.ts'
import { type AskRange, pastOf } from './past.ts'
import { type QueryAnswer, readApi, readQueryAnswer } from './prometheus-api.ts'
import { type RangeAnswer, readRangeAnswer } from './range-answer.ts'

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

/** How many range queries are asked at a time. A storm of runs must not load the source that all of them need. */
const RANGES_AT_A_TIME = 4

/**
 * Whole answers, from all replicas, at full resolution, and from no cache. Each server takes those that it knows, and ignores the
 * others: Thanos, VictoriaMetrics and Mimir answer partial or older data without them (facts E.4, E.5).
 */
const WHOLE_AND_FRESH = {
  partial_response: 'false',
  deny_partial_response: '1',
  dedup: 'true',
  max_source_resolution: '0s',
  nocache: '1'
} as const

export interface Prometheus extends Verifier {
  /** Asks whether Prometheus answers at all, for `astern status`. */
  check(signal: AbortSignal): Promise<{ readonly reachable: boolean; readonly detail: string }>
  /** The names of the alerting rules, or why they cannot be read. */
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

  async function number(promql: string, time: number, signal: AbortSignal): Promise<QueryAnswer> {
    // Thanos answers partial data with 200 unless this parameter forbids it (facts E.4). Prometheus ignores the parameter.
    return readQueryAnswer(
      await call(
        'POST',
        '/api/v1/query',
        { query: promql, time: seconds(time), timeout: `${deadlineMs}ms`, partial_response: 'false' },
        signal
      )
    )
  }

  async function sampled(query: RenderedQuery, time: number, signal: AbortSignal): Promise<QuerySample> {
    const started = options.now()
    const age = ageQuery(query)
    const [main, traffic, newest] = await Promise.all([
      number(query.promql, time, signal),
      query.traffic === undefined ? undefined : number(query.traffic.promql, time, signal),
      age === undefined ? undefined : number(age, time, signal)
    ])
    const tookMs = options.now() - started
    return { query: query.name, promql: query.promql, time, tookMs, ...judge(query, { main, traffic, newest }) }
  }

  const inTurn = atMost(RANGES_AT_A_TIME)
  const once = sharedByKey<RangeAnswer>()

  /** The answer may be for several runs, so it does not end with the one that asked first. Its own deadline bounds it. */
  const range: AskRange = (promql, { from, to, step }) => {
    const form = {
      query: promql,
      start: seconds(from),
      end: seconds(to),
      step: seconds(step),
      timeout: `${deadlineMs}ms`,
      ...WHOLE_AND_FRESH
    }
    const ask = () => call('POST', '/api/v1/query_range', form, new AbortController().signal)
    return once(JSON.stringify(form), () => inTurn(async () => readRangeAnswer(await ask())))
  }

  return {
    async sample(queries, at, signal): Promise<Sample> {
      // All queries of a sample are asked for one instant, in the source's own clock.
      const time = at + options.offset.value()
      const judged = await Promise.all(queries.map(query => sampled(query, time, signal)))
      return { time, ...combine(judged), queries: judged }
    },

    async history(queries, { from, to, step }, signal): Promise<History> {
      const offset = options.offset.value()
      const past = await orAborted(pastOf(queries, { from: from + offset, to: to + offset, step }, range), signal)
      if (past.kind === 'unknown') return past
      return { kind: 'points', points: past.points.map(point => ({ ...point, at: point.at - offset })) }
    },

    clockOffset: () => options.offset.value(),

    clockUncertainty: () => options.offset.uncertainty(),

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

/** Milliseconds as the API's seconds. */
function seconds(ms: number): string {
  return (ms / 1_000).toFixed(3)
}
