import { refused } from '../domain/action.ts'
import { isOneWayDoor, ONE_WAY_ANNOTATION } from '../domain/touched.ts'
import type { Workload } from '../domain/workload.ts'

/** Whether the target, or the object that holds its template, must not go back. */
export function mustNotGoBack({ annotations, templateAt }: Workload): boolean {
  return isOneWayDoor(annotations) || templateAt.oneWay === true
}

export const ONE_WAY_DOOR = refused('one-way-door', `${ONE_WAY_ANNOTATION}: deny stands on the target`)
