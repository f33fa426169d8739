import type { CountingState } from '../verification/sequential/counting/counting.ts'

/**
 * All that a watch counts is kept with each look, about 26 bytes a series: so many are 1.3 MB, and take a second to count. Two hundred guards
 * may be watched at a time.
 */
export const MOST_SERIES = 50_000

/** What helps against too many series. */
export const FEWER_SERIES = 'name fewer metrics (--metric), or drop labels with very many values, such as paths with ids, from the counter'

/** How many series are remembered of all pods together. */
export function seriesKept({ pods }: Pick<CountingState, 'pods'>): number {
  let all = 0
  for (const { values } of Object.values(pods)) all += Object.keys(values).length
  return all
}

/** Why a watch ends that counts too much, in a sentence; undefined where it does not. */
export function overQuota(counting: Pick<CountingState, 'pods'>): string | undefined {
  const kept = seriesKept(counting)
  return kept > MOST_SERIES
    ? `the pods have ${kept} series of what is counted by now, and a guard remembers at most ${MOST_SERIES}: ${FEWER_SERIES}`
    : undefined
}
