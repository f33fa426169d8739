import { isObject, type JsonObject, listAt, objectAt, textAt } from '../base/json.ts'

/** The kinds that a pod may name, and where the API keeps them; absent where Astern does not look. */
export const NEEDED_KINDS = {
  ConfigMap: { group: '', version: 'v1', resource: 'configmaps', namespaced: true },
  PersistentVolumeClaim: { group: '', version: 'v1', resource: 'persistentvolumeclaims', namespaced: true },
  ServiceAccount: { group: '', version: 'v1', resource: 'serviceaccounts', namespaced: true },
  Secret: { group: '', version: 'v1', resource: 'secrets', namespaced: true },
  PriorityClass: { group: 'scheduling.k8s.io', version: 'v1', resource: 'priorityclasses', namespaced: false },
  RuntimeClass: { group: 'node.k8s.io', version: 'v1', resource: 'runtimeclasses', namespaced: false },
  StorageClass: { group: 'storage.k8s.io', version: 'v1', resource: 'storageclasses', namespaced: false },
  ResourceClaim: undefined,
  ResourceClaimTemplate: undefined,
  CSIDriver: undefined,
  ClusterTrustBundle: undefined
} as const

export type NeededKind = keyof typeof NEEDED_KINDS

/** One object without which a pod of the template cannot start. */
export interface PodNeed {
  readonly kind: NeededKind
  readonly name: string
  /** True for an image pull secret: without it an image that is public, or on the node already, still comes. */
  readonly mayDoWithout?: true
}

/** How people read it. */
export function needText({ kind, name }: Pick<PodNeed, 'kind' | 'name'>): string {
  return `${kind} ${name}`
}

/** Everything that a pod of the template names and needs to start. What is marked `optional` is none of it. */
export function podNeeds(template: JsonObject): readonly PodNeed[] {
  const spec = objectAt(template, 'spec')
  const needs = [
    ...['initContainers', 'containers'].flatMap(list => listAt(spec, list).flatMap(ofContainer)),
    ...listAt(spec, 'volumes').flatMap(ofVolume),
    ...listAt(spec, 'imagePullSecrets').flatMap(one =>
      need('Secret', one, 'name').map(found => ({ ...found, mayDoWithout: true as const }))
    ),
    ...need('ServiceAccount', spec, 'serviceAccountName'),
    ...need('PriorityClass', spec, 'priorityClassName'),
    ...need('RuntimeClass', spec, 'runtimeClassName'),
    ...listAt(spec, 'resourceClaims').flatMap(claim => [
      ...need('ResourceClaim', claim, 'resourceClaimName'),
      ...need('ResourceClaimTemplate', claim, 'resourceClaimTemplateName')
    ])
  ]
  // What one place may do without, and another may not, is needed.
  const sorted = needs.sort((a, b) => Number(a.mayDoWithout === true) - Number(b.mayDoWithout === true))
  const found = new Map<string, PodNeed>()
  for (const one of sorted) if (!found.has(needText(one))) found.set(needText(one), one)
  return [...found.values()]
}

function need(kind: NeededKind, at: unknown, field: string): readonly PodNeed[] {
  const name = textAt(at, field)
  return name === undefined || name === '' || objectAt(at)['optional'] === true ? [] : [{ kind, name }]
}

function ofContainer(container: unknown): readonly PodNeed[] {
  return [
    ...listAt(container, 'envFrom').flatMap(source => [
      ...need('ConfigMap', objectAt(source, 'configMapRef'), 'name'),
      ...need('Secret', objectAt(source, 'secretRef'), 'name')
    ]),
    ...listAt(container, 'env').flatMap(variable => [
      ...need('ConfigMap', objectAt(variable, 'valueFrom', 'configMapKeyRef'), 'name'),
      ...need('Secret', objectAt(variable, 'valueFrom', 'secretKeyRef'), 'name')
    ])
  ]
}

function ofVolume(volume: unknown): readonly PodNeed[] {
  if (!isObject(volume)) return []
  const claim = objectAt(volume, 'ephemeral', 'volumeClaimTemplate', 'spec')
  return [
    ...need('ConfigMap', objectAt(volume, 'configMap'), 'name'),
    ...need('Secret', objectAt(volume, 'secret'), 'secretName'),
    ...need('PersistentVolumeClaim', objectAt(volume, 'persistentVolumeClaim'), 'claimName'),
    ...need('StorageClass', claim, 'storageClassName'),
    ...listAt(volume, 'projected', 'sources').flatMap(source => [
      ...need('ConfigMap', objectAt(source, 'configMap'), 'name'),
      ...need('Secret', objectAt(source, 'secret'), 'name'),
      ...need('ClusterTrustBundle', objectAt(source, 'clusterTrustBundle'), 'name')
    ]),
    ...need('CSIDriver', objectAt(volume, 'csi'), 'driver'),
    ...need('Secret', objectAt(volume, 'csi', 'nodePublishSecretRef'), 'name'),
    // The older kinds of volume name their Secret each in its own way.
    ...['cephfs', 'rbd', 'iscsi', 'flexVolume', 'scaleIO', 'storageos'].flatMap(kind =>
      need('Secret', objectAt(volume, kind, 'secretRef'), 'name')
    ),
    ...need('Secret', objectAt(volume, 'azureFile'), 'secretName')
  ]
}
