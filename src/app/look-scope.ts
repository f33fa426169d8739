import type { Config } from '../config.ts'
import type { LookScope } from '../domain/namespaces.ts'
import type { Policy } from '../domain/policy.ts'

/** Helm's own default, and its plural, which Helm takes too. */
const SECRET_DRIVERS: ReadonlySet<string> = new Set(['', 'secret', 'secrets'])

/** Where Astern may look for owners: the namespaces of the policies in force, and those of the settings. */
export function lookScope(
  { ownNamespace, argocdNamespace, fluxNamespaces, helm }: Pick<Config, 'ownNamespace' | 'argocdNamespace' | 'fluxNamespaces' | 'helm'>,
  policies: () => readonly Policy[]
): LookScope {
  return {
    allowed: () => [...new Set(policies().flatMap(policy => policy.guards.namespaces))],
    ...(ownNamespace === undefined ? {} : { ownNamespace }),
    ...(argocdNamespace === undefined ? {} : { argocd: argocdNamespace }),
    flux: fluxNamespaces,
    releasesUnread() {
      // What Secrets hold is looked at only where a policy rolls releases back, which needs it anyway.
      if (!policies().some(({ steps }) => steps.some(({ action }) => action === 'helm-rollback')))
        return 'no policy uses helm-rollback, and release contents are not read without it'
      const driver = helm.environment['HELM_DRIVER'] ?? ''
      return SECRET_DRIVERS.has(driver) ? undefined : `helm keeps releases in ${driver}, and Astern reads only Secrets`
    }
  }
}
