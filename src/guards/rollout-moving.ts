import type { Guard } from '../domain/guard.ts'
import { STUCK_AFTER_MS } from '../domain/workload.ts'

/**
 * Refuses while a rollout moves, because somebody is acting. Once the rollout stalls, it is the suspect (rules 2), unless it stalls on
 * something that no write gets going.
 */
export const rolloutMoving: Guard = {
  name: 'rollout-moving',
  check({ run, workload, action, now }) {
    const { release } = workload
    const latest = release?.latest
    // An operation of Helm that has died moves nothing any more (facts C.2).
    if (release !== undefined && latest?.status.startsWith('pending-') === true && now - latest.changedAt < STUCK_AFTER_MS)
      return {
        reason: 'rollout-moving',
        detail: `release ${release.namespace}/${release.name} is ${latest.status}: revision ${latest.revision}`
      }
    if (action.duringRollout === true) return undefined
    // A guard judges while both versions serve: the rollout that moves is the suspect itself.
    if (run.trigger.kind === 'guard' && workload.rollout.stuck !== true) return undefined
    const { state, stuck, detail, cause, lookAgainAt } = workload.rollout
    if (stuck === true) return { reason: 'rollout-stuck', detail }
    if (state !== 'moving') return undefined
    return {
      reason: 'rollout-moving',
      detail,
      ...(cause === undefined ? {} : { cause }),
      ...(lookAgainAt === undefined ? {} : { until: lookAgainAt })
    }
  }
}
