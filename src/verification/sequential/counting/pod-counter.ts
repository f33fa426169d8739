import { NOTHING, sum, type Tally } from '../tally.ts'
import { type Counter, partsOf, untoldParts, weigh } from './counter.ts'
import type { Reading } from './source.ts'

/** Whether a pod’s counters are believed. */
export type PodStanding =
  /** Not read yet, or away for so long that its next reading is only what later ones are compared with. */
  | 'unread'
  | 'counting'
  /** A counter fell, and it is not known yet whether the container restarted. */
  | 'fell'
  /** For the rest of the watch: its counters fell without a restart, or contradicted each other. */
  | 'unreliable'

/** What is remembered of a pod between two scrapes. Plain data. */
export interface PodState {
  readonly standing: PodStanding
  /** When it was last read, epoch milliseconds. */
  readonly at?: number
  readonly source?: string
  readonly restarts: number
  /** Scrapes left in which a fall is explained by a restart that was seen: it may be known before the counter shows it. */
  readonly explained: number
  /** Scrapes since a fall that nothing has explained yet. */
  readonly unexplained: number
  readonly values: Readonly<Record<string, number>>
}

export const UNREAD: PodState = { standing: 'unread', restarts: 0, explained: 0, unexplained: 0, values: {} }

/** The cluster may tell of a restart one scrape before or after the counters do. */
const SCRAPES_FOR_A_RESTART = 2

/** What the first reading of a pod is: all of it counts for one that was born just now, else it is what later ones are compared with. */
export type FirstReading = 'counts-from-zero' | 'reference'

export interface Taken {
  readonly state: PodState
  /** What the pod did since its last reading, one tally a part, undefined for a part that it can't tell; none where it gives no data. */
  readonly tallies?: PartTallies
}

export type PartTallies = readonly (Tally | undefined)[]

/** Takes one reading of a pod. One that is not newer than the last is a duplicate or late, and changes nothing: counters only add up. */
export function takeReading(counters: readonly Counter[], state: PodState, reading: Reading, first: FirstReading): Taken {
  if (state.standing === 'unreliable' || (state.at !== undefined && reading.at <= state.at)) return { state }
  if (reading.contradictory) return { state: { ...state, at: reading.at, standing: 'unreliable', values: {} } }
  const restarted = state.at !== undefined && reading.restarts > state.restarts
  const explained = restarted ? SCRAPES_FOR_A_RESTART : state.explained
  const next: PodState = {
    ...state,
    standing: 'counting',
    at: reading.at,
    restarts: reading.restarts,
    explained: Math.max(0, explained - 1),
    unexplained: 0,
    values: { ...state.values, ...valuesOf(reading) }
  }
  if (state.standing === 'unread') {
    // What it had before it was away says nothing of what it has now: the container may have restarted meanwhile.
    const fresh: PodState = { ...next, explained: 0, values: valuesOf(reading) }
    if (first === 'reference' || state.at !== undefined) return { state: fresh }
    return { state: fresh, tallies: tally(counters, reading, {}) }
  }
  // After a restart, a series that is missing has fallen to nothing; without one, it is only not shown (exporters drop idle series).
  const fell =
    [...reading.values].some(([key, { value }]) => value < (state.values[key] ?? 0)) ||
    (explained > 0 && Object.entries(state.values).some(([key, value]) => value > 0 && !reading.values.has(key)))
  if (!fell && state.standing !== 'fell') return { state: next, tallies: tally(counters, reading, state.values) }
  if (explained > 0) return { state: { ...next, explained: 0, values: valuesOf(reading) }, tallies: tally(counters, reading, {}) }
  const unexplained = state.unexplained + 1
  // The old values stay: should the restart be told of later, all that was counted since then counts.
  if (unexplained < SCRAPES_FOR_A_RESTART) return { state: { ...state, standing: 'fell', at: reading.at, unexplained } }
  return { state: { ...state, standing: 'unreliable', at: reading.at, unexplained, values: {} } }
}

/**
 * A pod that could not be read for long, or is gone: what it did meanwhile belongs to blocks that are closed. When it was last read is
 * kept, so that it never counts from zero again; its values would be compared with nothing.
 */
export function leave(state: PodState): PodState {
  if (state.standing === 'unreliable') return state
  const { source: _source, ...rest } = state
  return { ...rest, standing: 'unread', explained: 0, unexplained: 0, values: {} }
}

function valuesOf(reading: Reading): Readonly<Record<string, number>> {
  return Object.fromEntries([...reading.values].map(([key, { value }]) => [key, value]))
}

function tally(counters: readonly Counter[], reading: Reading, before: Readonly<Record<string, number>>): PartTallies {
  const parts: Tally[] = Array.from({ length: counters.reduce((all, counter) => all + partsOf(counter), 0) }, () => NOTHING)
  for (const [key, { labels, value }] of reading.values) {
    const more = value - (before[key] ?? 0)
    for (const { part, requests, bad } of weigh(counters, labels))
      parts[part] = sum(parts[part] ?? NOTHING, { requests: requests * more, bad: bad * more })
  }
  const untold = untoldParts(
    counters,
    [...reading.values.values()].map(({ labels }) => labels)
  )
  // A scrape that is torn between two buckets may show a slow request less than none, or more than all.
  return parts.map(({ requests, bad }, part) => (untold.has(part) ? undefined : { requests, bad: Math.min(Math.max(bad, 0), requests) }))
}
