import { refused } from '../domain/action.ts'
import type { Workload } from '../domain/workload.ts'

/** The annotation by which an owner forbids that a target goes back, for instance after a migration of its data. */
const ANNOTATION = 'astern.dev/rollback'

export function isOneWayDoor(workload: Workload): boolean {
  return workload.annotations[ANNOTATION] === 'deny'
}

export const ONE_WAY_DOOR = refused('one-way-door', `${ANNOTATION}: deny stands on the target`)
