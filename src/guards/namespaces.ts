import { matchesGlob } from '../base/globs.ts'
import type { Guard } from '../domain/guard.ts'

/** Astern never writes to these namespaces, whatever a policy says (rules 7). */
export const ALWAYS_DENIED = ['kube-system', 'kube-public', 'kube-node-lease'] as const

/** The namespace must be allowed by the policy that the run began with, and by the policy as it is now. */
export const namespaces: Guard = {
  name: 'namespaces',
  check({ target, policy, current, ownNamespace }) {
    const { namespace } = target
    if (ALWAYS_DENIED.some(denied => denied === namespace))
      return { reason: 'namespace-not-allowed', detail: `${namespace} is never written to` }
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
}
