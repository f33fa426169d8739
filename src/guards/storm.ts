import type { Guard } from '../domain/guard.ts'

/** Many targets at once have a common cause; whatever it is, it is not this target’s last deploy. */
export const storm: Guard = {
  name: 'storm',
  check({ storm: state, now }) {
    if (state === undefined || now >= state.calmAt) return undefined
    return {
      reason: 'storm',
      detail: `${state.targets.length} targets alert since ${new Date(state.startedAt).toISOString()}`,
      facts: { storm: state.id, targets: state.targets, calmAt: state.calmAt }
    }
  }
}
