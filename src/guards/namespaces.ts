import { matchesGlob } from '../base/globs.ts'
import type { Guard, GuardInput, UnreadInput } from '../domain/guard.ts'
import { isAlwaysDenied } from '../domain/namespaces.ts'
import type { Refusal } from '../domain/reasons.ts'

/** The namespace must be allowed by the policy that the run began with, and by the policy as it is now. */
export const namespaces: Guard<UnreadInput> = {
  name: 'namespaces',
  check: input => namespaceRefusal(input.target.namespace, input)
}

/** Why the run may not write to the namespace; undefined where it may. */
export function namespaceRefusal(
  namespace: string,
  { policy, current, ownNamespace }: Pick<GuardInput, 'policy' | 'current' | 'ownNamespace'>
): Refusal | undefined {
  if (isAlwaysDenied(namespace)) return { reason: 'namespace-not-allowed', detail: `${namespace} is never written to` }
  if (namespace === ownNamespace) return { reason: 'namespace-not-allowed', detail: `${namespace} is Astern’s own namespace` }
  for (const version of [policy, current]) {
    if (version === undefined) continue
    const globs = version.guards.namespaces
    // The loader lets a policy without a list do dry runs only.
    if (globs.length === 0 && version.mode === 'dry-run') continue
    if (!globs.some(glob => matchesGlob(glob, namespace)))
      return { reason: 'namespace-not-allowed', detail: `${namespace} is not among ${globs.join(', ')}` }
  }
  return undefined
}
