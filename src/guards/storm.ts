import { HOUR } from '../base/clock.ts'
import type { Guard } from '../domain/guard.ts'

/** Refuses during a storm. Many targets that break at once have a common cause, and it is not this target’s last deploy. */
export const storm: Guard = {
  name: 'storm',
  check({ storm: state, now }) {
    if (state === undefined || now >= state.calmAt) return undefined
    return {
      reason: 'storm',
      detail: `${state.count} targets alert since ${new Date(state.startedAt).toISOString()}`,
      // The list of targets is left out, because every one of them gets this row.
      facts: { storm: state.id, targets: state.count, calmAt: state.calmAt, hours: Math.floor((now - state.startedAt) / HOUR) }
    }
  }
}
