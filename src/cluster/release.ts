import { MINUTE } from '../base/clock.ts'
import { instantAt, objectAt, textMap } from '../base/json.ts'
import { listKept } from '../domain/long-list.ts'
import type { Kube } from '../domain/ports/kube.ts'
import type { Release, Workload } from '../domain/workload.ts'
import { isObjectName } from '../templates/object-name.ts'
import { keptMetadata } from './kept.ts'

/** Helm's own limit of a release's name. */
const LONGEST_NAME = 53

/** The release that the object names as its own (facts C.5). */
export function releaseNamed({
  labels,
  annotations
}: Pick<Workload, 'labels' | 'annotations'>): Pick<Release, 'name' | 'namespace'> | undefined {
  const name = annotations['meta.helm.sh/release-name']
  const namespace = annotations['meta.helm.sh/release-namespace']
  if (labels['app.kubernetes.io/managed-by'] !== 'Helm' || name === undefined || namespace === undefined) return undefined
  // Anybody who may edit the object writes these. What is no name must not become part of a path, a selector or an argument.
  if (name.length > LONGEST_NAME || !isObjectName('name', name) || !isObjectName('namespace', namespace)) return undefined
  return { name, namespace }
}

/** The states of a revision that was in force once. */
const WAS_IN_FORCE: ReadonlySet<string> = new Set(['superseded', 'deployed'])
/** So many are kept in mind: as many as Helm keeps by default. */
const EARLIER = 10

/** After the API server refused a namespace's Secrets, Astern does not ask for them again for this time, milliseconds. */
const ASK_AGAIN_MS = 10 * MINUTE

/** Reads when releases last changed, by the metadata of their Secrets. It does not read the contents. */
export function createReleaseReader(
  kube: Pick<Kube, 'metadata'>,
  now: () => number
): (named: Pick<Release, 'name' | 'namespace'>, signal: AbortSignal) => Promise<Release> {
  const forbidden = new Map<string, { readonly until: number; readonly detail: string }>()
  return async (named, signal) => {
    const known = forbidden.get(named.namespace)
    if (known !== undefined && now() < known.until) return { ...named, unseen: known.detail }
    const selector = encodeURIComponent(`owner=helm,name=${named.name}`)
    const path = `/api/v1/namespaces/${encodeURIComponent(named.namespace)}/secrets?labelSelector=${selector}`
    const answer = await listKept((page, until) => kube.metadata(page, until), path, keptMetadata, signal)
    if (answer.kind === 'ok') return toRelease(named, answer.items)
    if (answer.kind === 'error' && answer.status === 403)
      forbidden.set(named.namespace, { until: now() + ASK_AGAIN_MS, detail: answer.detail })
    return { ...named, unseen: answer.detail }
  }
}

function toRelease(named: Pick<Release, 'name' | 'namespace'>, items: readonly unknown[]): Release {
  const revisions = items.flatMap(item => {
    const labels = textMap(objectAt(item, 'metadata')['labels'])
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
  // Compared as numbers, because as texts v10 comes before v9.
  const latest = revisions.sort((a, b) => b.revision - a.revision)[0]
  if (latest === undefined) return { ...named, unseen: `there is no release ${named.namespace}/${named.name}` }
  const earlier = revisions.flatMap(({ revision, status, changedAt }, index) => {
    const next = revisions[index - 1]
    return next === undefined || !WAS_IN_FORCE.has(status) ? [] : [{ revision, from: changedAt, to: next.changedAt }]
  })
  return { ...named, latest: { ...latest, earlier: earlier.slice(0, EARLIER) } }
}
