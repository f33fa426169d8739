import { canonicalJson } from '../../base/json.ts'
import type { Labels, Series } from '../sequential/counting/scrape.ts'
import { REPLICA_LABELS } from '../sequential/counting/source.ts'

/** What one Prometheus replica scraped of one target of one pod at one time. */
export interface TargetScrape {
  readonly at: number
  readonly replica: string
  readonly series: readonly Series[]
}

/** The replica that a series comes from, as a text; the same one for series without a label of it. */
export function replicaOf(labels: Labels): string {
  return canonicalJson(Object.fromEntries(Object.entries(labels).filter(([name]) => REPLICA_LABELS.has(name))))
}

/** So many scrapes another replica must be ahead, before it is taken instead: one is a matter of when the window begins. */
const AHEAD = 2

/** Scrapes that follow each other in less than this share of the usual time come from two replicas. */
export const TOO_CLOSE = 0.25

/**
 * The scrapes of one target by one replica only, in the order of time. Two replicas scrape at nearly the same time, and the one that
 * began later may have got the older counters: merged, they would fall without a restart. A querier that merges replicas by itself
 * switches between them now and then, which shows as two scrapes right after each other: the second is left out. Counters add up, so
 * that nothing is lost.
 */
export function ofOneReplica(scrapes: readonly TargetScrape[]): readonly TargetScrape[] {
  const byReplica = [...Map.groupBy(scrapes, ({ replica }) => replica)].toSorted(([a], [b]) => (a < b ? -1 : 1))
  let [chosen] = byReplica
  for (const one of byReplica) if (chosen === undefined || one[1].length >= chosen[1].length + AHEAD) chosen = one
  const ordered = (chosen?.[1] ?? []).toSorted((a, b) => a.at - b.at)
  const usual = spacing(ordered.map(({ at }) => at)) ?? 0
  const kept: TargetScrape[] = []
  for (const scrape of ordered) {
    const last = kept.at(-1)
    if (last === undefined || scrape.at - last.at >= TOO_CLOSE * usual) kept.push(scrape)
  }
  return kept
}

/** The usual time between instants that follow each other: the upper median. Undefined for less than two. */
export function spacing(instants: readonly number[]): number | undefined {
  const ordered = [...new Set(instants)].sort((a, b) => a - b)
  const gaps = ordered
    .slice(1)
    .map((at, index) => at - (ordered[index] ?? at))
    .sort((a, b) => a - b)
  return gaps[Math.floor(gaps.length / 2)]
}
