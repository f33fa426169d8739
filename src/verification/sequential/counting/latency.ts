import type { Labels, Series } from './scrape.ts'

/** How many requests of the old version took longer than a bucket’s boundary, before the deploy. */
export interface SlowShare {
  readonly boundary: number
  readonly share: number
}

/** Slow shares near which a boundary is wanted: about the median, the 90th, the 99th and the 99.9th percentile. */
const WANTED_SHARES = [0.5, 0.1, 0.01, 0.001] as const

/** Beyond these a boundary tells nothing: hardly a request is slow, or most are. */
const LEAST_SHARE = 0.0005
const MOST_SHARE = 0.6

/** Up to four boundaries to judge a latency at, in rising order; none where the buckets don't fit what the service does. */
export function chooseBoundaries(past: readonly SlowShare[]): readonly number[] {
  const fit = past.filter(({ boundary, share }) => Number.isFinite(boundary) && share >= LEAST_SHARE && share <= MOST_SHARE)
  const chosen = WANTED_SHARES.flatMap(wanted => {
    const [nearest] = fit.toSorted((a, b) => distance(a.share, wanted) - distance(b.share, wanted))
    return nearest === undefined ? [] : [nearest.boundary]
  })
  return [...new Set(chosen)].sort((a, b) => a - b)
}

const distance = (share: number, wanted: number): number => Math.abs(Math.log(share / wanted))

/** The slow shares at each boundary of a classic histogram; `buckets` are cumulative, as its series are, and one is `+Inf`. */
export function slowShares(buckets: readonly { readonly le: string; readonly count: number }[]): readonly SlowShare[] {
  const all = buckets.find(({ le }) => le === '+Inf')?.count ?? 0
  if (!(all > 0)) return []
  return buckets
    .filter(({ le }) => le !== '+Inf')
    .map(({ le, count }) => ({ boundary: Number(le), share: Math.min(1, Math.max(0, 1 - count / all)) }))
}

/** The slow shares of a native histogram, at those of its bounds that the new version's will have as well. */
export function nativeSlowShares({ count, buckets }: NativeHistogram): readonly SlowShare[] {
  if (!(count > 0)) return []
  const bounds = buckets.map(({ upper }) => upper).filter(upper => upper > 0 && isNativeBoundary(upper))
  return bounds.map(boundary => {
    const within = buckets.filter(({ upper }) => upper <= boundary * (1 + SAME)).reduce((all, bucket) => all + bucket.count, 0)
    return { boundary, share: Math.max(0, 1 - within / count) }
  })
}

/** A native histogram, its buckets as Prometheus’ API gives them: from above `lower` up to `upper`. */
export interface NativeHistogram {
  readonly labels: Labels
  readonly count: number
  readonly buckets: readonly { readonly lower: number; readonly upper: number; readonly count: number }[]
}

/** Bounds are powers of 2^(1/2^schema): a quarter of an octave (schema 2) is still there after a client has halved its resolution often. */
const STEPS_PER_OCTAVE = 4

/** Two computed bounds that differ by less are the same bound. */
const SAME = 1e-9

/** Whether a boundary is one that native histograms of schema 2 and finer all have. */
export function isNativeBoundary(boundary: number): boolean {
  const steps = Math.log2(boundary) * STEPS_PER_OCTAVE
  return Math.abs(steps - Math.round(steps)) < 1e-6
}

/**
 * A native histogram as classic buckets at some boundaries, which then count like any other counters. A boundary within a bucket that
 * is not empty can't be told, and is left out.
 */
export function nativeAsBuckets(metric: string, histogram: NativeHistogram, boundaries: readonly number[]): readonly Series[] {
  const bucket = (le: string, value: number): Series => ({ labels: { ...histogram.labels, __name__: `${metric}_bucket`, le }, value })
  const told = boundaries.flatMap(boundary => {
    const straddled = histogram.buckets.some(
      ({ lower, upper, count }) => count > 0 && lower < boundary * (1 - SAME) && upper > boundary * (1 + SAME)
    )
    if (straddled) return []
    const within = histogram.buckets.filter(({ upper }) => upper <= boundary * (1 + SAME)).reduce((all, { count }) => all + count, 0)
    return [bucket(String(boundary), within)]
  })
  return [...told, bucket('+Inf', histogram.count)]
}
