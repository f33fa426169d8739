import { lowestMode, type Mode } from './outcomes.ts'

/** How far a run may go: decide nothing, only decide, ask a person before it writes, or write. */
export const PERMISSIONS = ['off', 'dry-run', 'ask', 'act'] as const
export type Permission = (typeof PERMISSIONS)[number]

const OF_MODE: Readonly<Record<Mode, Permission>> = { off: 'off', 'dry-run': 'dry-run', approve: 'ask', auto: 'act' }

/** What limits a run. The lowest of them holds. */
export interface Limits {
  /** The policy as the run began with it. */
  readonly policy: Mode
  /** The policy of that name as it is loaded now. Undefined where it was removed, which counts as off. */
  readonly current: Mode | undefined
  /** The service's ceiling now, and when the run began. */
  readonly ceiling: Mode
  readonly ceilingThen: Mode
}

/** What a run may do by configuration. The switch is no part of it, because the switch makes a run wait and never ends one. */
export function permissionOf({ policy, current, ceiling, ceilingThen }: Limits): Permission {
  return OF_MODE[lowestMode(policy, current ?? 'off', ceiling, ceilingThen)]
}

/** What a run may do right now: what the configuration permits, and no more than the switch allows. */
export function permissionUnder(configured: Permission, switchedTo: Mode): Permission {
  const bySwitch = OF_MODE[switchedTo]
  return PERMISSIONS.indexOf(bySwitch) < PERMISSIONS.indexOf(configured) ? bySwitch : configured
}

/** What the service may do right now, whatever a policy says. It decides about work on the way of a write, and about giving back. */
export function servicePermission(ceiling: Mode, switchedTo: Mode): Permission {
  return permissionUnder(OF_MODE[ceiling], switchedTo)
}
