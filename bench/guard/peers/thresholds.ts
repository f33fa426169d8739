import { TICK } from '../scene.ts'
import { between } from '../trace.ts'
import type { Rule } from './rule.ts'

/** Seconds between two checks, and the window that each looks at. */
const INTERVAL = 60

/** How often a check may fail. */
interface Threshold {
  /** The least share of good requests. */
  readonly good: number
  /** The failed check with which it rolls back. They add up; a good one in between takes none back. */
  readonly failures: number
}

/** Flagger: five failed checks of the last minute’s success rate. No value is a failed check. The rollback itself is a minute later still. */
export function flagger(good: number): Rule {
  return thresholded({ good, failures: 5 })
}

/** Argo Rollouts with `failureLimit: 3`: the fourth failed measurement. NaN is one. */
export function argo(good: number): Rule {
  return thresholded({ good, failures: 4 })
}

function thresholded({ good, failures }: Threshold): Rule {
  return (seen, ticks) => {
    let failed = 0
    for (let to = INTERVAL / TICK; to <= ticks; to += INTERVAL / TICK) {
      const { requests, bad } = between(seen.new, to - INTERVAL / TICK, to)
      if (!(1 - bad / requests >= good)) failed += 1
      if (failed >= failures) return to * TICK
    }
    return undefined
  }
}
