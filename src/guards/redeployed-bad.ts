import { DAY } from '../base/clock.ts'
import type { Guard } from '../domain/guard.ts'

/** A version that was undone and is back within a day is between people: whoever deployed it had a reason (rules 2). */
export const redeployedBad: Guard = {
  name: 'redeployed-bad',
  check({ facts, workload, now }) {
    const bad = facts.bad.find(known => known.identity === workload.identity && now - known.at < DAY)
    return bad === undefined
      ? undefined
      : { reason: 'redeployed-bad', detail: `template ${bad.identity} was undone by run ${bad.runId} at ${new Date(bad.at).toISOString()}` }
  }
}
