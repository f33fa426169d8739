import type { Guard } from '../domain/guard.ts'

/**
 * Refuses where a person silenced the alert, or Alertmanager knows another alert to be its cause (facts A.7); and where the
 * Alertmanager that an alert is said to come from does not know it: one more label would get past every silence.
 */
export const silenced: Guard = {
  name: 'silenced',
  check({ alertState, mustBeKnown, run, permission }) {
    if (alertState?.kind === 'unreachable')
      return { reason: 'source-unreachable', detail: `Alertmanager cannot be asked whether the alert is silenced: ${alertState.detail}` }
    const suppressed = alertState?.kind === 'known' ? alertState : alertState?.lesser
    const { silencedBy, inhibitedBy } = suppressed ?? { silencedBy: [], inhibitedBy: [] }
    if (silencedBy.length > 0) return { reason: 'silenced', detail: `silence ${silencedBy.join(', ')}` }
    if (inhibitedBy.length > 0) return { reason: 'inhibited', detail: `inhibited by ${inhibitedBy.join(', ')}` }
    // In a dry run this is a note beside the plan.
    if (!mustBeKnown || run.kind === 'dry-run' || permission.configured === 'dry-run') return undefined
    if (alertState === undefined)
      return { reason: 'alert-unconfirmed', detail: 'its token says that it comes from sources.alertmanager, and none is configured' }
    return alertState.kind === 'absent'
      ? { reason: 'alert-unconfirmed', detail: 'it has no alert with these labels; it resolved, or somebody else sent it' }
      : undefined
  }
}
