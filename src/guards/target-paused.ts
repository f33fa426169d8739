import type { Guard } from '../domain/guard.ts'

/** Refuses a target that is paused or being deleted, because somebody is working on it. */
export const targetPaused: Guard = {
  name: 'target-paused',
  check({ workload }) {
    if (workload.deleting) return { reason: 'target-not-found', detail: 'the target is being deleted' }
    return workload.paused ? { reason: 'target-paused', detail: 'spec.paused is true; resume it with `kubectl rollout resume`' } : undefined
  }
}
