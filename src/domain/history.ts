import type { VerificationQuery } from './policy.ts'
import type { Problem, Verdict } from './verdict.ts'

/** A stretch of the past, and how far apart it is looked at. All in milliseconds; the instants are Astern's clock. */
export interface Span {
  readonly from: number
  readonly to: number
  readonly step: number
}

/** What all queries of a policy say together at one instant of the past. */
export interface Point {
  readonly at: number
  readonly verdict: Verdict
}

/** What queries say over a span, oldest first. An instant without an answer is not among the points. */
export type History =
  | { readonly kind: 'points'; readonly points: readonly Point[] }
  /** The source did not answer, or its answer cannot be trusted. */
  | { readonly kind: 'unknown'; readonly problem: Problem; readonly detail: string }

/** A span is looked at in this many points at the most (rules 2). A source then answers in milliseconds, also when many ask. */
export const MOST_POINTS = 100

type Sampling = Pick<VerificationQuery, 'window' | 'samples' | 'every'>

/** How many failing samples in a row make a verdict, and how far apart they are, milliseconds. The strictest of the queries counts. */
export function samplingOf(queries: readonly Sampling[]): { readonly samples: number; readonly every: number } {
  return { samples: Math.max(...queries.map(query => query.samples)), every: Math.max(...queries.map(query => query.every)) }
}

/** How far before a change its symptom is looked for, and how long a gap in a symptom may be: L in rules 2, milliseconds. */
export function lookBack(queries: readonly Sampling[]): number {
  const { samples, every } = samplingOf(queries)
  return Math.max(2 * Math.max(...queries.map(query => query.window)), 2 * samples * every)
}

/** The span that ends exactly at `to`, is `length` long, and is looked at every `every`, or less often where the points would be too many. */
export function spanBefore(to: number, length: number, every: number): Span {
  const step = Math.max(every, Math.ceil(length / (MOST_POINTS - 1)))
  return { from: to - Math.floor(length / step) * step, to, step }
}

/** The same on multiples of the step, so that all who ask at about the same time ask the same. It ends at or before `to`. */
export function alignedSpanBefore(to: number, length: number, every: number): Span {
  const { step } = spanBefore(to, length, every)
  return spanBefore(Math.floor(to / step) * step, length, every)
}

/** Whether the symptom was there as a verdict has it: `samples` failing points in a row. One stray point is noise. */
export function failedInRow(points: readonly Point[], span: Span, samples: number): boolean {
  let row = 0
  let last: number | undefined
  for (const { at, verdict } of points) {
    // A point that is missing ends the row: what was not seen did not fail.
    const follows = last !== undefined && at - last <= 1.5 * span.step
    row = verdict === 'fail' ? (follows ? row + 1 : 1) : 0
    if (row >= samples) return true
    last = at
  }
  return false
}

/**
 * The first failing point of the stretch that goes on at `now`. Gaps of up to `gap` belong to the stretch, and nothing before
 * `notBefore` does: there a recovery was confirmed.
 * @returns `now` where no earlier point of it fails
 */
export function stretchStart(
  points: readonly Point[],
  now: number,
  { gap, notBefore }: { readonly gap: number; readonly notBefore: number }
): number {
  let start = now
  for (const { at, verdict } of points.toReversed()) {
    if (at >= start || verdict !== 'fail') continue
    if (start - at > gap || at <= notBefore) break
    start = at
  }
  return start
}
