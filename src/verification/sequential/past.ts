import { formatMargin, type Margin } from '../../domain/margin.ts'
import type { Stretches } from './dispersion.ts'
import { percent } from './figures.ts'
import { highestShare, lowestShare } from './history-bound.ts'
import { PAST_SHARE } from './settings.ts'
import { badShare, NOTHING, sum, type Tally } from './tally.ts'

/** What the old version did before the deploy. The last half hour alone says little: traffic has hours and weekdays. */
export interface Past {
  readonly lastHalfHour?: Stretches<Tally>
  readonly sameHourYesterday?: Stretches<Tally>
  readonly sameHourLastWeek?: Stretches<Tally>
}

/** The limits that follow from the past, in the place of the old version’s present share. */
export interface PastLimits {
  /** Undefined where a part of the past is missing: then nothing can fail by it. */
  readonly worse?: number
  /** What the limit rests on. */
  readonly highest?: number
  /** One for each margin; empty without the last half hour. */
  readonly fine: readonly number[]
  readonly said: string
}

/** A failure against the past asks for more than one against the present: level and noise may have moved without the deploy. */
export const PAST_MARGIN: Margin = { ratio: 1.5, add: 0.001 }

/** Seconds that each part of the past should cover, of which a tenth may be missing. */
const WANTED: Readonly<Record<keyof Past, number>> = { lastHalfHour: 1_800, sameHourYesterday: 3_600, sameHourLastWeek: 3_600 }
const NAMES: Readonly<Record<keyof Past, string>> = {
  lastHalfHour: 'the last 30 minutes',
  sameHourYesterday: 'the same hour of yesterday',
  sameHourLastWeek: 'the same hour of last week'
}
const ENOUGH = 0.9

/** The windows whose worst is tolerated, in seconds. */
const WINDOW = 300

export interface PastQuestion {
  readonly past: Past
  /** The share of the total error that this part has. */
  readonly alpha: number
  readonly beta: number
  readonly fine: readonly Margin[]
}

/** What the new version may do, by what the old one did before. */
export function pastLimits({ past, alpha, beta, fine }: PastQuestion): PastLimits {
  const parts = (['lastHalfHour', 'sameHourYesterday', 'sameHourLastWeek'] as const).map(name => ({ name, stretches: past[name] }))
  const missing = parts.filter(({ name, stretches }) => !covers(stretches, WANTED[name])).map(({ name }) => NAMES[name])
  const lately = covers(past.lastHalfHour, WANTED.lastHalfHour) ? past.lastHalfHour : undefined
  const best = lately === undefined ? undefined : lowestShare(lately.rows.reduce(sum, NOTHING), PAST_SHARE * beta)
  const passes = best === undefined ? [] : fine.map(({ ratio, add }) => Math.min(1, ratio * best + add))
  if (missing.length > 0)
    return {
      fine: passes,
      said: `before the deploy: ${missing.join(' and ')} can't be told, so that nothing can fail by comparison with it`
    }
  const highest = Math.max(
    ...parts.flatMap(({ stretches }) => {
      if (stretches === undefined) return []
      return [highestShare(stretches.rows.reduce(sum, NOTHING), PAST_SHARE * alpha), worstWindow(stretches)]
    })
  )
  const worse = Math.min(1, PAST_MARGIN.ratio * highest + PAST_MARGIN.add)
  return {
    worse,
    highest,
    fine: passes,
    said: `before the deploy: up to ${percent(highest)} (last 30 minutes, same hour of yesterday and last week), tolerated with ${formatMargin(PAST_MARGIN)}: ${percent(worse)}`
  }
}

/**
 * Whether the old version met an objective: over the last half hour, and over its last five minutes, for an incident that began before
 * the deploy is not the deploy's.
 */
export function objectiveMet(lastHalfHour: Stretches<Tally> | undefined, objective: number): 'met' | 'missed' | 'unknown' {
  if (lastHalfHour === undefined || !covers(lastHalfHour, WANTED.lastHalfHour)) return 'unknown'
  const { seconds, rows } = lastHalfHour
  const lately = rows.slice(-Math.max(1, Math.round(WINDOW / seconds)))
  return [rows, lately].some(some => badShare(some.reduce(sum, NOTHING)) > objective) ? 'missed' : 'met'
}

/** The largest share of bad requests in any five minutes. */
export function worstWindow({ seconds, rows }: Stretches<Tally>): number {
  const each = Math.max(1, Math.round(WINDOW / seconds))
  let worst = 0
  for (let from = 0; from + each <= rows.length; from += 1)
    worst = Math.max(worst, badShare(rows.slice(from, from + each).reduce(sum, NOTHING)))
  return worst
}

function covers(stretches: Stretches<Tally> | undefined, wanted: number): boolean {
  if (stretches === undefined) return false
  const seconds = stretches.seconds * stretches.rows.length
  return seconds >= ENOUGH * wanted && stretches.rows.some(({ requests }) => requests > 0)
}
