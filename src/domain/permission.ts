import { lowestMode, type Mode } from './outcomes.ts'

/** How far a run may go: decide nothing, decide only, ask a person before it writes, or write. */
export const PERMISSIONS = ['off', 'dry-run', 'ask', 'act'] as const
export type Permission = (typeof PERMISSIONS)[number]

const OF_MODE: Readonly<Record<Mode, Permission>> = { off: 'off', 'dry-run': 'dry-run', approve: 'ask', auto: 'act' }

/** What limits a run. The lowest of them holds. */
export interface Limits {
  /** The policy as the run began with it. */
  readonly policy: Mode
  /** The policy of that name as it is loaded now; undefined when it was removed, which is off. */
  readonly current: Mode | undefined
  /** The service's ceiling. */
  readonly ceiling: Mode
}

/** What a run may do by configuration. The switch stands apart: it makes a run wait, and never ends one. */
export function permissionOf({ policy, current, ceiling }: Limits): Permission {
  return OF_MODE[lowestMode(policy, current ?? 'off', ceiling)]
}

/** What may be done right now: the configuration's permission, and no more than the switch allows. */
export function permissionUnder(configured: Permission, switchedTo: Mode): Permission {
  const bySwitch = OF_MODE[switchedTo]
  return PERMISSIONS.indexOf(bySwitch) < PERMISSIONS.indexOf(configured) ? bySwitch : configured
}

/** What the service may do right now, whatever a policy says: for what a write left to be done on the way, or to be given back. */
export function servicePermission(ceiling: Mode, switchedTo: Mode): Permission {
  return permissionUnder(OF_MODE[ceiling], switchedTo)
}
