import { TICK } from '../scene.ts'
import type { Seen } from '../trace.ts'

/** What a peer does with what the scrapes showed: seconds until it rolls back, undefined if it does not. */
export type Rule = (seen: Seen, ticks: number) => number | undefined

/** All that both versions answered so far. */
export interface Totals {
  readonly oldAll: number
  readonly oldBad: number
  readonly newAll: number
  readonly newBad: number
}

/** Looks at the totals at each interval, seconds, once both versions have answered, and rolls back as soon as they are rejected. */
export function lookingAtTotals(interval: number, rejected: (totals: Totals) => boolean): Rule {
  return ({ old, new: fresh }, ticks) => {
    let [oldAll, oldBad, newAll, newBad] = [0, 0, 0, 0]
    for (let tick = 0; tick < ticks; tick += 1) {
      oldAll += old.requests[tick] ?? 0
      oldBad += old.bad[tick] ?? 0
      newAll += fresh.requests[tick] ?? 0
      newBad += fresh.bad[tick] ?? 0
      if (((tick + 1) * TICK) % interval !== 0 || oldAll === 0 || newAll === 0) continue
      if (rejected({ oldAll, oldBad, newAll, newBad })) return (tick + 1) * TICK
    }
    return undefined
  }
}
