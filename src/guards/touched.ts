import type { Guard, GuardInput } from '../domain/guard.ts'
import { isOneWayDoor, isSame, ONE_WAY_ANNOTATION, type Touched, touchedName } from '../domain/touched.ts'
import { namespaceRefusal } from './namespaces.ts'

/**
 * Every object that the run would write, or that would be written in place of its target, must lie in a namespace that allows it,
 * and its owner must not forbid that it goes back. An owner that is written must have the target. What owners list is read anew each
 * time this is asked.
 */
export const touched: Guard = {
  name: 'touched',
  check(input) {
    for (const object of everything(input)) {
      const name = touchedName(object)
      if (object.namespace === undefined)
        return { reason: 'namespace-not-allowed', detail: `${name} is in no namespace, and would be written too` }
      const refusal = namespaceRefusal(object.namespace, input)
      if (refusal !== undefined) return { ...refusal, detail: `${name} would be written too: ${refusal.detail}` }
      if (object.owner === true && !stillOwns(object, input))
        return { reason: 'changed-since-symptom', detail: `${name} does not say any more that the target is its own` }
      if (isClosed(object, input)) return { reason: 'one-way-door', detail: `${ONE_WAY_ANNOTATION}: deny stands on ${name}` }
    }
    return undefined
  }
}

/** What the plan names, and what the owners among it list. */
function everything({ touches, owners }: GuardInput): readonly Touched[] {
  const among = owners.filter(({ at }) => at !== undefined && touches.some(object => isSame(object, at)))
  return [...touches, ...among.flatMap(({ lists }) => lists ?? [])]
}

/** Whether an owner that would be written says now, too, that it has the target. */
function stillOwns(object: Touched, { workload: { release }, owners }: GuardInput): boolean {
  if (object.kind === 'Release') return release !== undefined && release.namespace === object.namespace && release.name === object.name
  return owners.some(({ at, hint }) => hint !== true && at !== undefined && isSame(object, at))
}

/** Whether its owner forbids that it goes back, as it says now. */
function isClosed(object: Touched, { target, workload, owners }: GuardInput): boolean {
  if (object.oneWay === true) return true
  if (isSame(object, target)) return isOneWayDoor(workload.annotations) || workload.templateAt.oneWay === true
  return owners.some(({ at }) => at !== undefined && isSame(object, at) && at.oneWay === true)
}
