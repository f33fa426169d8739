import { instantAt, isObject, listAt, textAt, textMap } from '../domain/json.ts'
import type { Kube } from '../domain/kube.ts'
import type { Release, Workload } from '../domain/workload.ts'

/** The release that the object says it belongs to (facts C.5); absent where Flux manages it, whose release is Flux' own. */
export function releaseNamed({
  labels,
  annotations
}: Pick<Workload, 'labels' | 'annotations'>): Pick<Release, 'name' | 'namespace'> | undefined {
  const name = annotations['meta.helm.sh/release-name']
  const namespace = annotations['meta.helm.sh/release-namespace']
  if (labels['app.kubernetes.io/managed-by'] !== 'Helm' || name === undefined || namespace === undefined) return undefined
  return { name, namespace }
}

/** When the release last changed, by its Secrets' metadata; their contents stay where they are. */
export async function readRelease(kube: Kube, named: Pick<Release, 'name' | 'namespace'>, signal: AbortSignal): Promise<Release> {
  const selector = encodeURIComponent(`owner=helm,name=${named.name}`)
  const path = `/api/v1/namespaces/${encodeURIComponent(named.namespace)}/secrets?labelSelector=${selector}`
  const answer = await kube.metadata(path, signal)
  if (answer.kind !== 'ok') return { ...named, unseen: answer.detail }
  const revisions = listAt(answer.object, 'items').flatMap(item => {
    const labels = textMap(isObject(item) ? (isObject(item['metadata']) ? item['metadata']['labels'] : undefined) : undefined)
    const createdAt = instantAt(item, 'metadata', 'creationTimestamp')
    const version = labels['version'] ?? ''
    if (!/^\d+$/.test(version) || createdAt === undefined) return []
    const modified = labels['modifiedAt'] ?? ''
    return [
      {
        revision: Number(version),
        status: labels['status'] ?? 'unknown',
        changedAt: createdAt,
        ...(/^\d+$/.test(modified) ? { finishedAt: Number(modified) * 1_000 } : {})
      }
    ]
  })
  // By number: as texts v10 comes before v9.
  const latest = revisions.sort((a, b) => b.revision - a.revision)[0]
  if (latest === undefined)
    return { ...named, unseen: `there is no release ${named.name} in ${named.namespace}: ${textAt(answer.object, 'kind') ?? ''} is empty` }
  return { ...named, latest }
}
