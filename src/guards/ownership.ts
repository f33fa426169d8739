import type { Guard } from '../domain/guard.ts'

/**
 * Someone else declares what the target is, and would put it back: hands off, and a fight of rollouts is spared
 * (promise 10). Asked once the plan is made, so that people are told which revert to make.
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
