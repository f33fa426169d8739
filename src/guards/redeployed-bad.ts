import { DAY } from '../base/clock.ts'
import type { Guard } from '../domain/guard.ts'

/** Refuses where a version that was undone is back within a day. Whoever deployed it again had a reason, so people decide (rules 2). */
export const redeployedBad: Guard = {
  name: 'redeployed-bad',
  check({ facts, workload, now }) {
    const bad = facts.bad.find(known => known.identity === workload.identity && now - known.at < DAY)
    return bad === undefined
      ? undefined
      : { reason: 'redeployed-bad', detail: `template ${bad.identity} was undone by run ${bad.runId} at ${new Date(bad.at).toISOString()}` }
  }
}
