import type { Guard } from '../domain/guard.ts'

/** Refuses where the mode is off: in the policy that the run began with, in the policy as it is now, or in the service's ceiling. */
export const modeOff: Guard = {
  name: 'mode',
  check({ policy, current, ceiling, permission }) {
    if (current === undefined) return { reason: 'mode-off', detail: `policy ${policy.name} was removed` }
    if (permission.configured !== 'off') return undefined
    return { reason: 'mode-off', detail: ceiling === 'off' ? 'the service’s ceiling is off' : `policy ${policy.name} is off` }
  }
}

/** While the switch is lowered, runs decide everything and write nothing. */
export const switchLowered: Guard = {
  name: 'switch',
  check({ switch: state, permission }) {
    if (permission.configured === 'dry-run' || permission.now === permission.configured) return undefined
    return {
      reason: 'switch-lowered',
      detail: `the switch is at ${state.mode} since ${new Date(state.at).toISOString()} (${state.by}: ${state.reason})`
    }
  }
}
