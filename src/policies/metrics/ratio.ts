import type { MatcherParts, QueryParts } from '../../templates/write-promql.ts'
import { type MetricQuery, span, USUAL_TRAFFIC, USUAL_WINDOW } from './metric.ts'

/** What a share of bad requests is made of. */
export interface RatioParts {
  readonly metric: string
  readonly matchers: readonly MatcherParts[]
  readonly statusLabel: string
  /** A regular expression for the status of a bad request. */
  readonly bad: string
  /** Milliseconds. */
  readonly window: number
}

/** Requests a second that have a status. */
export function requestRate(parts: Omit<RatioParts, 'bad'>): QueryParts {
  return sumOfRate(parts.metric, withStatus(parts), parts.window)
}

/** The series of the requests that have a status, as they are. */
export function requestSelector(parts: Pick<RatioParts, 'metric' | 'matchers' | 'statusLabel'>): QueryParts {
  return { kind: 'selector', metric: parts.metric, matchers: withStatus(parts) }
}

/** A series without that label is no request of this kind: where the label’s name is wrong there is no data, and not a share of 0. */
function withStatus({ matchers, statusLabel }: Pick<RatioParts, 'matchers' | 'statusLabel'>): readonly MatcherParts[] {
  return [...matchers, { label: statusLabel, operator: '!=', value: '' }]
}

/**
 * The share of bad requests. A healthy version has no series of bad ones, so that their part is padded from the requests: 0 while there
 * are some, NaN where their rate is 0, and nothing where their series are gone.
 */
export function badShare(parts: RatioParts): QueryParts {
  const { metric, matchers, statusLabel, bad, window } = parts
  const all = requestRate(parts)
  const some = sumOfRate(metric, [...matchers, { label: statusLabel, operator: '=~', value: bad }], window)
  const none: QueryParts = { kind: 'binary', operator: '*', left: { kind: 'number', value: 0 }, right: all }
  return {
    kind: 'binary',
    operator: '/',
    left: { kind: 'binary', operator: 'or', left: some, right: none },
    right: all
  }
}

/** What people may say in place of what is usual. */
export interface RatioOptions {
  readonly metric?: string | undefined
  readonly statusLabel?: string | undefined
  readonly bad?: string | undefined
  readonly window?: string | undefined
  readonly atLeast?: number | undefined
}

/** The share of bad requests, which decides nothing with fewer requests a second than the options say. */
export function ratioQuery(
  usual: Pick<RatioParts, 'metric' | 'statusLabel' | 'bad'>,
  options: RatioOptions,
  matchers: readonly MatcherParts[]
): MetricQuery {
  const parts: RatioParts = {
    metric: options.metric ?? usual.metric,
    matchers,
    statusLabel: options.statusLabel ?? usual.statusLabel,
    bad: options.bad ?? usual.bad,
    window: span(options.window ?? USUAL_WINDOW)
  }
  return { promql: badShare(parts), traffic: { of: requestRate(parts), atLeast: options.atLeast ?? USUAL_TRAFFIC }, counts: parts }
}

/** A sum over all series: a pod has one for each path, method and status. */
export function sumOfRate(metric: string, matchers: readonly MatcherParts[], range: number): QueryParts {
  return sum({ kind: 'call', name: 'rate', args: [{ kind: 'selector', metric, matchers, range }] })
}

export function sum(of: QueryParts, by?: readonly string[]): QueryParts {
  return { kind: 'aggregation', operator: 'sum', ...(by === undefined ? {} : { by }), of }
}
