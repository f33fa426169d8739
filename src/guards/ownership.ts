import type { Guard } from '../domain/guard.ts'

/**
 * Refuses where another controller declares what the target is and would put its version back: the two would undo each other's
 * writes (promise 10). It is asked once the plan is made, so that people are told which revert to make.
 */
export const ownership: Guard = {
  name: 'ownership',
  check({ owners, action }) {
    if (!action.overridesOwner) return undefined
    const enforcing = owners.find(owner => owner.enforces !== 'no')
    if (enforcing === undefined) return undefined
    const { kind, name, detail } = enforcing
    return kind === 'controller'
      ? { reason: 'controller-owned', detail: `${name}: ${detail}` }
      : { reason: 'gitops-owned', detail: `${kind} ${name}: ${detail}` }
  }
}
