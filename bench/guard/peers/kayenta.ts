import { badShare } from '../../../src/verification/sequential/tally.ts'
import { TICK } from '../scene.ts'
import { between, type Seen } from '../trace.ts'
import type { Rule } from './rule.ts'

/** Seconds of one point, and the normal quantile of the two-sided 98 % interval. */
const POINT = 60
const QUANTILE = 2.326347874

/** A difference counts from this part of the estimated one. */
const TOLERANCE = 0.25

/** Kayenta’s judge on the minutes’ shares of errors, asked every `minutes` minutes about all that was seen so far. */
export function kayenta(minutes: number): Rule {
  return (seen, ticks) => {
    const each = POINT / TICK
    const old: number[] = []
    const fresh: number[] = []
    for (let to = each; to <= ticks; to += each) {
      const share = pointOf(seen, to - each, to)
      if (share.old !== undefined) old.push(share.old)
      if (share.new !== undefined) fresh.push(share.new)
      const point = to / each
      // One point gives no verdict; no point at all of the new version fails it.
      if (point < 2 || point % minutes !== 0) continue
      if (fresh.length === 0 || isHigh(fresh, old)) return to * TICK
    }
    return undefined
  }
}

function pointOf(
  { old, new: fresh }: Seen,
  from: number,
  to: number
): { readonly old: number | undefined; readonly new: number | undefined } {
  const share = (counts: Seen['old']): number | undefined => {
    const tally = between(counts, from, to)
    return tally.requests === 0 ? undefined : badShare(tally)
  }
  return { old: share(old), new: share(fresh) }
}

/** Whether the experiment is classified as too high: the lower confidence bound of the shift is beyond a quarter of its estimate. */
export function isHigh(experiment: readonly number[], control: readonly number[]): boolean {
  if (experiment.length < 2 || control.length < 2) return false
  if (new Set([...experiment, ...control]).size === 1) return false
  const { lower, estimate } = shift(experiment, control)
  return lower > TOLERANCE * Math.abs(estimate)
}

/** The shift between two samples by Mann and Whitney’s test, inverted: its lower bound and Hodges and Lehmann’s estimate. */
function shift(x: readonly number[], y: readonly number[]): { readonly lower: number; readonly estimate: number } {
  const differences = x.flatMap(one => y.map(other => one - other)).sort((a, b) => a - b)
  const half = differences.length / 2
  const estimate = ((differences[Math.ceil(half) - 1] ?? 0) + (differences[Math.floor(half)] ?? 0)) / 2
  const [least = 0] = differences
  if (statistic(x, y, least) <= QUANTILE) return { lower: least, estimate }
  // Between two differences the statistic is constant, and its ties are those within the samples.
  const sigma = spread(x.length, y.length, [...tiesOf(x), ...tiesOf(y)])
  const beyond = differences.findIndex((_, index) => corrected(differences.length - index - 1 - half) / sigma <= QUANTILE)
  return { lower: differences[beyond] ?? least, estimate }
}

/** The standardised rank sum of the samples where one is shifted by `by`. */
function statistic(x: readonly number[], y: readonly number[], by: number): number {
  const shifted = x.map(one => one - by)
  let above = 0
  for (const one of shifted) for (const other of y) above += one > other ? 1 : one === other ? 0.5 : 0
  return corrected(above - (x.length * y.length) / 2) / spread(x.length, y.length, tiesOf([...shifted, ...y]))
}

const corrected = (difference: number): number => difference - Math.sign(difference) * 0.5

function spread(m: number, n: number, ties: readonly number[]): number {
  const tied = ties.reduce((all, size) => all + size ** 3 - size, 0)
  return Math.sqrt(((m * n) / 12) * (m + n + 1 - tied / ((m + n) * (m + n - 1))))
}

function tiesOf(values: readonly number[]): readonly number[] {
  return [...Map.groupBy(values, value => value).values()].map(group => group.length)
}
