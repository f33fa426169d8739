import { matchesGlob } from '../base/globs.ts'

/** Astern never writes to these namespaces, whatever a policy says (rules 7). */
export const ALWAYS_DENIED = ['kube-system', 'kube-public', 'kube-node-lease'] as const

/** Whether Astern never writes to the namespace, whatever a policy says. */
export function isAlwaysDenied(namespace: string): boolean {
  return ALWAYS_DENIED.some(denied => denied === namespace)
}

/** Where Astern may look for what an object's metadata names. It follows no label or annotation anywhere else. */
export interface LookScope {
  /** The namespaces of the policies in force: globs. */
  readonly allowed: () => readonly string[]
  readonly ownNamespace?: string
  /** Where Argo CD's Applications are. */
  readonly argocd?: string
  /** Where Flux' objects are. */
  readonly flux?: readonly string[]
  /** Why release contents are not read; undefined where they are. */
  readonly releasesUnread: () => string | undefined
}

/** Whether Astern may look into the namespace for the sake of a target that is in `home`. */
export function mayLook({ allowed, ownNamespace, argocd, flux = [] }: LookScope, namespace: string, home: string): boolean {
  if (namespace === home || namespace === argocd || flux.includes(namespace)) return true
  if (isAlwaysDenied(namespace) || namespace === ownNamespace) return false
  return allowed().some(glob => matchesGlob(glob, namespace))
}
