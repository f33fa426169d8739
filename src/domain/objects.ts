/** The kinds that Astern acts on. */
export const TARGET_KINDS = ['Deployment'] as const
export type TargetKind = (typeof TARGET_KINDS)[number]

/** The one namespaced object that a policy resolves to. */
export interface ObjectRef {
  readonly kind: TargetKind
  readonly namespace: string
  readonly name: string
}

/** `Deployment/shop/api`: how a target is named in the ledger, in logs and to people. */
export function targetKey(ref: ObjectRef): string {
  return `${ref.kind}/${ref.namespace}/${ref.name}`
}

/** The inverse of {@link targetKey}; undefined for anything else. */
export function parseTargetKey(key: string): ObjectRef | undefined {
  const [kind, namespace, name, ...rest] = key.split('/')
  const known = TARGET_KINDS.find(candidate => candidate === kind)
  if (known === undefined || !namespace || !name || rest.length > 0) return undefined
  return { kind: known, namespace, name }
}
