import { lookingAtTotals, type Rule } from './rule.ts'

/** Seconds between two looks. */
const INTERVAL = 10

/** Bad requests that must have been seen before it is looked at all. */
const LEAST_BAD = 5

/** The textbook’s test of two shares on all that was seen so far, one-sided, with a critical value (2.326 for 1 %), looked at every 10 s. */
export function zTest(critical: number): Rule {
  return lookingAtTotals(INTERVAL, ({ oldAll, oldBad, newAll, newBad }) => {
    if (oldBad + newBad < LEAST_BAD) return false
    const pooled = (oldBad + newBad) / (oldAll + newAll)
    const z = (newBad / newAll - oldBad / oldAll) / Math.sqrt(pooled * (1 - pooled) * (1 / oldAll + 1 / newAll))
    return z >= critical
  })
}
