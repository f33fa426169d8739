import { policyOfGuard } from '../domain/guard-entries.ts'
import type { Policy } from '../domain/policy.ts'
import type { PolicyStore } from '../policies/store.ts'

/** The policy of this name. An entry of `guards:` is the policy of the runs that its guards begin. */
export function policyInForce(store: Pick<PolicyStore, 'policy' | 'guard'>, name: string): Policy | undefined {
  const entry = store.guard(name)
  return store.policy(name) ?? (entry === undefined ? undefined : policyOfGuard(entry, { kind: 'Deployment', namespace: '*', name: '*' }))
}
