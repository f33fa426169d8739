import type { Guard } from '../domain/guard.ts'

/** Refuses a target that is paused or being deleted, because somebody is working on it. */
export const targetPaused: Guard = {
  name: 'target-paused',
  check({ workload, action }) {
    if (workload.deleting) return { reason: 'target-not-found', detail: 'the target is being deleted' }
    // A canary that waits at a step waits for somebody, who promotes it or aborts it.
    if (workload.canary?.phase === 'Paused' && action.duringRollout !== true)
      return { reason: 'target-paused', detail: `${workload.rollout.detail}; promote it, or abort it` }
    return workload.paused ? { reason: 'target-paused', detail: 'spec.paused is true; resume it with `kubectl rollout resume`' } : undefined
  }
}
