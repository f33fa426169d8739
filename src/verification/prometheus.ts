import { atMost } from '../base/at-most.ts'
import { orAborted, sharedByKey } from '../base/coalesce.ts'
import { listAt, textAt } from '../base/json.ts'
import type { History } from '../domain/history.ts'
import type { RenderedQuery, Verifier } from '../domain/ports/verifier.ts'
import type { RuleGroup } from '../domain/rule-group.ts'
import { combine, type QuerySample, type Sample } from '../domain/verdict.ts'
import type { ClockOffset } from '../outgoing/clock-offset.ts'
import type { HttpResult } from '../outgoing/http-client.ts'
import { ageQuery } from '../promql/age.ts'
import { judge } from './judgement.ts'
import { type AskRange, pastOf } from './past.ts'
import { type Probe, readProbe } from './probe.ts'
import { type QueryAnswer, readApi, readQueryAnswer } from './prometheus-api.ts'
import { type RangeAnswer, readRangeAnswer } from './range-answer.ts'
import { RULE_GROUPS_PATH, readRuleGroups } from './rule-groups.ts'
import { type SourceAccess, type SourceQuestion, sourceAsking } from './source-http.ts'

export interface PrometheusOptions extends SourceAccess {
  readonly offset: ClockOffset
  readonly now: () => number
}

const DEFAULT_TIMEOUT_MS = 10_000

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

/** Asks the API one question, whole and fresh. The answer is read by who asks. */
export type AskPrometheus = (
  path: '/api/v1/query' | '/api/v1/query_range',
  form: Readonly<Record<string, string>>,
  signal: AbortSignal
) => Promise<HttpResult>

export interface Prometheus extends Verifier {
  /** For what is no verification: the counters that a deploy guard reads. */
  readonly ask: AskPrometheus
  /** Asks whether Prometheus answers at all, for `astern status`. */
  check(signal: AbortSignal): Promise<{ readonly reachable: boolean; readonly detail: string }>
  /** Asks a rendered query once and also what it costs, for people who try their policies. */
  probe(promql: string, signal: AbortSignal): Promise<Probe>
  /** The names of the alerting rules, or why they cannot be read. */
  alertingRules(signal: AbortSignal): Promise<readonly string[] | { readonly problem: string }>
  /** The groups of alerting rules, and when each was evaluated, or why they cannot be read. */
  ruleGroups(signal: AbortSignal): Promise<readonly RuleGroup[] | { readonly problem: string }>
}

export function createPrometheus(options: PrometheusOptions): Prometheus {
  const deadlineMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS
  const ask = sourceAsking(options, DEFAULT_TIMEOUT_MS)

  async function call(question: SourceQuestion, signal: AbortSignal): Promise<HttpResult> {
    const result = await ask(question, signal)
    if (result.kind === 'response') options.offset.observe(result)
    return result
  }

  let byGet = false

  /** Asks by POST, which has no limit of length; by GET where something before the source lets no POST through. */
  async function query(path: string, form: Readonly<Record<string, string>>, signal: AbortSignal): Promise<HttpResult> {
    const get = (): Promise<HttpResult> => call({ method: 'GET', path: `${path}?${new URLSearchParams(form).toString()}` }, signal)
    if (byGet) {
      const got = await get()
      byGet = !refuses(got)
      return got
    }
    const posted = await call({ method: 'POST', path, form }, signal)
    if (!refuses(posted)) return posted
    const got = await get()
    // A 403 to both is about the credentials, and no word about POST.
    if (refuses(got)) return posted
    byGet = got.kind === 'response'
    return got
  }

  const rules = async (signal: AbortSignal) => readApi(await call({ method: 'GET', path: '/api/v1/rules?type=alert' }, signal))

  async function number(promql: string, time: number, signal: AbortSignal): Promise<QueryAnswer> {
    const form = { query: promql, time: seconds(time), timeout: `${deadlineMs}ms`, ...WHOLE_AND_FRESH }
    return readQueryAnswer(await query('/api/v1/query', form, signal))
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
    const answer = () => query('/api/v1/query_range', form, new AbortController().signal)
    return once(JSON.stringify(form), () => inTurn(async () => readRangeAnswer(await answer())))
  }

  return {
    ask: (path, form, signal) => query(path, { ...form, timeout: `${deadlineMs}ms`, ...WHOLE_AND_FRESH }, signal),

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

    async probe(promql, signal) {
      const started = options.now()
      const form = { query: promql, timeout: `${deadlineMs}ms`, stats: 'all', ...WHOLE_AND_FRESH }
      const result = await query('/api/v1/query', form, signal)
      return readProbe(result, options.now() - started)
    },

    async alertingRules(signal) {
      const answer = await rules(signal)
      if ('problem' in answer) return { problem: `${answer.problem}: ${answer.detail}` }
      return listAt(answer.data, 'data', 'groups')
        .flatMap(group => listAt(group, 'rules'))
        .flatMap(rule => textAt(rule, 'name') ?? [])
    },

    ruleGroups: async signal => readRuleGroups(await call({ method: 'GET', path: RULE_GROUPS_PATH }, signal)),

    async check(signal) {
      const answer = readApi(await query('/api/v1/query', { query: 'vector(1)' }, signal))
      return 'problem' in answer
        ? { reachable: false, detail: `${answer.problem}: ${answer.detail}` }
        : { reachable: true, detail: 'answers queries' }
    }
  }
}

/** Whether a POST was refused because it is one: read-only proxies allow GET alone. */
function refuses(result: HttpResult): boolean {
  return result.kind === 'response' && [403, 405, 501].includes(result.status)
}

/** Milliseconds as the API's seconds. */
function seconds(ms: number): string {
  return (ms / 1_000).toFixed(3)
}
