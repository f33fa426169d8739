/** The kinds that Astern acts on, and where the API keeps them. */
export const KINDS = {
  Deployment: { group: 'apps', version: 'v1', resource: 'deployments' },
  StatefulSet: { group: 'apps', version: 'v1', resource: 'statefulsets' },
  DaemonSet: { group: 'apps', version: 'v1', resource: 'daemonsets' },
  Rollout: { group: 'argoproj.io', version: 'v1alpha1', resource: 'rollouts' }
} as const

export type TargetKind = keyof typeof KINDS
export const TARGET_KINDS: readonly TargetKind[] = ['Deployment', 'StatefulSet', 'DaemonSet', 'Rollout']

/** The one namespaced object that a policy resolves to. */
export interface ObjectRef {
  readonly kind: TargetKind
  readonly namespace: string
  readonly name: string
}

/** Where the API keeps objects of the kind, in one namespace or in all. */
export function collectionPath(kind: TargetKind, namespace: string | undefined): string {
  const { group, version, resource } = KINDS[kind]
  return `/apis/${group}/${version}${namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`}/${resource}`
}

/** The API path of one object. */
export function objectPath(ref: ObjectRef): string {
  return `${collectionPath(ref.kind, ref.namespace)}/${encodeURIComponent(ref.name)}`
}

/** The object as an argument of kubectl: `deployment/api`. */
export function kubectlName({ kind, name }: Pick<ObjectRef, 'kind' | 'name'>): string {
  return `${kind.toLowerCase()}/${name}`
}

/** `Deployment/shop/api`: how a target is named in the ledger, in logs and to people. */
export function targetKey(ref: ObjectRef): string {
  return `${ref.kind}/${ref.namespace}/${ref.name}`
}

/** Parses what {@link targetKey} makes; undefined for anything else. */
export function parseTargetKey(key: string): ObjectRef | undefined {
  const [kind, namespace, name, ...rest] = key.split('/')
  const known = TARGET_KINDS.find(candidate => candidate === kind)
  if (known === undefined || !namespace || !name || rest.length > 0) return undefined
  return { kind: known, namespace, name }
}
