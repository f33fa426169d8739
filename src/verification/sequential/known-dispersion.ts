import {
  addSpreads,
  betweenPods,
  betweenVersions,
  largest,
  NO_SPREAD,
  overTime,
  type Spread,
  type Stretches,
  type TimedPair,
  thinned
} from './dispersion.ts'
import { NOTHING, sum, type Tally } from './tally.ts'

/** How bursty a part’s bad requests are known to be, before the first block. */
export type Dispersion =
  | { readonly kind: 'known'; readonly concurrent: number; readonly overTime: number; readonly from: 'history' | 'earlier-rollouts' }
  | { readonly kind: 'unknown' }

/** What earlier rollouts that were passed have taught about one target. Plain data, kept with the target. */
export interface Learned {
  /** Newest first. */
  readonly rollouts: readonly { readonly at: number; readonly seconds: number; readonly spreads: readonly Spread[] }[]
}

export const NOTHING_LEARNED: Learned = { rollouts: [] }

/** Rollouts that are remembered: a service changes, and what it was a hundred releases ago says little. */
const REMEMBERED = 20

/** Seconds of both versions side by side that are enough to go by. */
const ENOUGH_LEARNED = 1_800

/** Seconds of history that are enough, of the half hour that is asked for. */
const ENOUGH_HISTORY = 1_600

/** Adds what a rollout showed while both versions served. Only of one that was passed: else the bad version’s errors would count as noise. */
export function learn(learned: Learned, at: number, blocks: readonly TimedPair[]): Learned {
  if (blocks.length === 0) return learned
  const one = { at, seconds: blocks.reduce((all, { seconds }) => all + seconds, 0), spreads: betweenVersions(blocks) }
  return { rollouts: [one, ...learned.rollouts].slice(0, REMEMBERED) }
}

/** The old version’s half hour before the deploy, by pod, and what earlier rollouts taught. */
export interface Known {
  readonly history?: Stretches<readonly Tally[]>
  readonly learned: Learned
  /** The share of the traffic that the new version will have; where it changes, the one nearest to a half. */
  readonly newShare: number
}

/** The dispersion to go by: between pods and over time at first, between pods and between versions once enough was learned. */
export function dispersionOf({ history, learned, newShare }: Known): Dispersion {
  if (history === undefined || history.seconds * history.rows.length < ENOUGH_HISTORY) return { kind: 'unknown' }
  const pods = betweenPods(history)
  const time = overTime({ seconds: history.seconds, rows: history.rows.map(row => row.reduce(sum, NOTHING)) })
  if (learned.rollouts.reduce((all, { seconds }) => all + seconds, 0) < ENOUGH_LEARNED)
    return { kind: 'known', concurrent: Math.max(pods, thinned(time, newShare)), overTime: time, from: 'history' }
  const windows = learned.rollouts[0]?.spreads.length ?? 0
  const spreads = Array.from({ length: windows }, (_, window) =>
    learned.rollouts.map(rollout => rollout.spreads[window] ?? NO_SPREAD).reduce(addSpreads)
  )
  return { kind: 'known', concurrent: Math.max(pods, largest(spreads)), overTime: time, from: 'earlier-rollouts' }
}
