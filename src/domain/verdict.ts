/** What a verification's number means. `inconclusive` and `error` start no action and prove no recovery (promise 6). */
export const VERDICTS = ['pass', 'fail', 'inconclusive', 'error'] as const
export type Verdict = (typeof VERDICTS)[number]

/** Why a query gave no number to decide on: a closed set, and the metric label of the same name. */
export const PROBLEMS = {
  'no-data': 'the query returned no series',
  'not-a-number': 'the query returned NaN (often: no traffic)',
  infinite: 'the query returned an infinite value',
  'many-series': 'the query returned several series where one is expected',
  histogram: 'the query returned a native histogram where a number is expected',
  'not-a-vector': 'the query returned neither a vector nor a scalar',
  warnings: 'the source answered with warnings; its result is probably wrong or partial',
  partial: 'the source answered with a part of its data only',
  stale: 'the newest sample is too old',
  'low-traffic': 'there is too little traffic to judge',
  'samples-disagree': 'the samples disagree',
  'queries-disagree': 'one query confirms the symptom and another does not',
  unreachable: 'the source could not be reached',
  deadline: 'the source did not answer in time',
  'breaker-open': 'the source failed repeatedly and is left alone for a while',
  'not-ready': 'the source is not ready',
  'malformed-answer': 'the source answered something that is not the Prometheus API',
  'query-rejected': 'the source rejected the query'
} as const
export type Problem = keyof typeof PROBLEMS

/** The samples that decided may be this old at the write, milliseconds. Where they are older, one more is taken (rules 3). */
export const FRESH_MS = 30_000

/** One number of one query at one instant. */
export interface QuerySample {
  readonly query: string
  readonly promql: string
  /** The evaluation time that was asked for, epoch milliseconds in the source's clock. */
  readonly time: number
  readonly verdict: Verdict
  readonly value?: number
  readonly traffic?: number
  readonly problem?: Problem
  readonly detail?: string
  readonly tookMs: number
}

/** All queries of a policy at one instant. */
export interface Sample {
  readonly time: number
  readonly verdict: Verdict
  readonly problem?: Problem
  readonly queries: readonly QuerySample[]
}

/**
 * The verdict of several queries together. The symptom is confirmed only if every query fails, and recovery only if every query
 * passes. Otherwise they decide nothing.
 */
export function combine(queries: readonly QuerySample[]): { readonly verdict: Verdict; readonly problem?: Problem } {
  const worst = queries.find(query => query.verdict === 'error') ?? queries.find(query => query.verdict === 'inconclusive')
  if (worst !== undefined) return { verdict: worst.verdict, ...(worst.problem === undefined ? {} : { problem: worst.problem }) }
  const verdicts = new Set(queries.map(query => query.verdict))
  const [only] = verdicts
  if (only === undefined) return { verdict: 'inconclusive', problem: 'no-data' }
  return verdicts.size === 1 ? { verdict: only } : { verdict: 'inconclusive', problem: 'queries-disagree' }
}
