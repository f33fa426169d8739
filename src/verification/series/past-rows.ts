import { type Counter, partsOf, weigh } from '../sequential/counting/counter.ts'
import type { Labels } from '../sequential/counting/scrape.ts'
import { seriesKey } from '../sequential/counting/source.ts'
import { NOTHING, type Tally } from '../sequential/tally.ts'
import { replicaOf } from './one-replica.ts'
import { targetOf } from './own-labels.ts'
import type { RawSeries } from './raw-series.ts'

/** Instants at which the past is looked at, epoch milliseconds, the source's clock: the first and last, and how far apart. */
export interface Grid {
  readonly from: number
  readonly to: number
  readonly step: number
}

/** The series of each pod that count: of one target and one replica, those that come first, as the judge has it. */
export function countedOfEachPod(
  counters: readonly Counter[],
  all: readonly RawSeries[],
  podOf: (labels: Labels) => string
): readonly (readonly RawSeries[])[] {
  const counted = all.filter(({ labels }) => weigh(counters, labels).length > 0)
  return [...Map.groupBy(counted, ({ labels }) => podOf(labels)).values()].map(own => {
    const [first] = [...Map.groupBy(own, ({ labels }) => `${targetOf(labels)} ${replicaOf(labels)}`)].toSorted(([a], [b]) =>
      a < b ? -1 : 1
    )
    return first?.[1] ?? []
  })
}

/**
 * The stretches of which something is known: both of their ends were scraped. A source that was away, or keeps no more, must not look like
 * a time without traffic.
 */
export function knownStretches(series: readonly RawSeries[], grid: Grid): readonly number[] {
  const there = new Set(series.flatMap(({ samples }) => samples.map(({ at }) => Math.round((at - grid.from) / grid.step))))
  return [...there].filter(index => there.has(index + 1)).sort((a, b) => a - b)
}

/** What one pod did between each two instants of a grid, one tally a part. */
export function rowsOfPod(counters: readonly Counter[], series: readonly RawSeries[], grid: Grid): readonly (readonly Tally[])[] {
  const steps = Math.round((grid.to - grid.from) / grid.step)
  const parts = counters.reduce((count, counter) => count + partsOf(counter), 0)
  const rows = Array.from({ length: steps }, () => Array.from({ length: parts }, () => ({ requests: 0, bad: 0 })))
  const indexOf = (at: number): number => Math.round((at - grid.from) / grid.step)
  const there = new Set(series.flatMap(({ samples }) => samples.map(({ at }) => indexOf(at))))
  for (const own of Map.groupBy(series, ({ labels }) => seriesKey(labels)).values()) {
    const weights = weigh(counters, own[0]?.labels ?? {})
    let before: number | undefined
    for (const { at, value } of own.flatMap(({ samples }) => samples).toSorted((a, b) => a.at - b.at)) {
      const index = indexOf(at)
      // A series that comes while its pod was there counts from zero; one that comes with its pod says nothing of what was before.
      const earlier = before ?? (there.has(index - 1) ? 0 : value)
      before = value
      const row = rows[index - 1]
      if (row === undefined) continue
      const more = value < earlier ? value : value - earlier
      for (const { part, requests, bad } of weights) {
        const tally = row[part]
        if (tally === undefined) continue
        tally.requests += requests * more
        tally.bad += bad * more
      }
    }
  }
  return rows.map(row => row.map(held))
}

/** A stretch that is torn between two buckets may show a slow request less than none, or more than all. */
function held({ requests, bad }: Tally): Tally {
  return requests > 0 ? { requests, bad: Math.min(Math.max(bad, 0), requests) } : NOTHING
}
