import type { Guard } from '../domain/guard.ts'

/** While a rollout moves, someone acts; once it stalls, it is the suspect (rules 2). */
export const rolloutMoving: Guard = {
  name: 'rollout-moving',
  check({ workload }) {
    return workload.rollout.state === 'moving' ? { reason: 'rollout-moving', detail: workload.rollout.detail } : undefined
  }
}
