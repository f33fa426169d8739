import { refused } from '../domain/action.ts'
import type { Workload } from '../domain/workload.ts'

/** The annotation with which an owner says that a target must not go back, for instance after a migration of its data. */
const ANNOTATION = 'astern.dev/rollback'

export function isOneWayDoor(workload: Workload): boolean {
  return workload.annotations[ANNOTATION] === 'deny'
}

export const ONE_WAY_DOOR = refused('one-way-door', `${ANNOTATION}: deny stands on the target`)
