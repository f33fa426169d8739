import type { Guard } from '../domain/guard.ts'

/**
 * Refuses where a person silenced the alert, or Alertmanager knows another alert to be its cause (facts A.7); and where the
 * Alertmanager that an alert is said to come from does not know it: one more label would get past every silence.
 */
export const silenced: Guard = {
  name: 'silenced',
  check({ alertState, mustBeKnown }) {
    if (alertState === undefined) return undefined
    if (alertState.kind === 'absent')
      return mustBeKnown
        ? { reason: 'alert-unconfirmed', detail: 'it has no alert with these labels; it resolved, or somebody else sent it' }
        : undefined
    if (alertState.kind === 'unreachable')
      return { reason: 'source-unreachable', detail: `Alertmanager cannot be asked whether the alert is silenced: ${alertState.detail}` }
    if (alertState.silencedBy.length > 0) return { reason: 'silenced', detail: `silence ${alertState.silencedBy.join(', ')}` }
    return alertState.inhibitedBy.length > 0
      ? { reason: 'inhibited', detail: `inhibited by ${alertState.inhibitedBy.join(', ')}` }
      : undefined
  }
}
