import { TICK } from '../scene.ts'
import type { Rule } from './rule.ts'

/** Seconds between two looks. */
const INTERVAL = 10

/** Bad requests that must have been seen before it is looked at all. */
const LEAST_BAD = 5

/** The textbook’s test of two shares on all that was seen so far, one-sided, with a critical value (2.326 for 1 %), looked at every 10 s. */
export function zTest(critical: number): Rule {
  return ({ old, new: fresh }, ticks) => {
    let [oldAll, oldBad, newAll, newBad] = [0, 0, 0, 0]
    for (let tick = 0; tick < ticks; tick += 1) {
      oldAll += old.requests[tick] ?? 0
      oldBad += old.bad[tick] ?? 0
      newAll += fresh.requests[tick] ?? 0
      newBad += fresh.bad[tick] ?? 0
      if (((tick + 1) * TICK) % INTERVAL !== 0 || oldBad + newBad < LEAST_BAD || oldAll === 0 || newAll === 0) continue
      const pooled = (oldBad + newBad) / (oldAll + newAll)
      const z = (newBad / newAll - oldBad / oldAll) / Math.sqrt(pooled * (1 - pooled) * (1 / oldAll + 1 / newAll))
      if (z >= critical) return (tick + 1) * TICK
    }
    return undefined
  }
}
