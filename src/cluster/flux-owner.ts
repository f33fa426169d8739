import { sha256 } from '../base/hashes.ts'
import { isObject, type JsonObject, listAt, objectAt, textAt } from '../base/json.ts'
import { mayLook } from '../domain/namespaces.ts'
import type { Owner } from '../domain/owner.ts'
import type { Touched } from '../domain/touched.ts'
import { isObjectName } from '../templates/object-name.ts'
import { inventoryOf, listsTarget } from './listed.ts'
import { hintOf, type OwnerReading, ownerObject, readOwner } from './owner-reading.ts'
import type { ReleasePlace } from './release-contents.ts'

interface FluxKind {
  readonly kind: 'Kustomization' | 'HelmRelease'
  readonly label: string
  readonly path: (namespace: string, name: string) => string
}

export const KUSTOMIZATION: FluxKind = {
  kind: 'Kustomization',
  label: 'kustomize.toolkit.fluxcd.io',
  path: (namespace, name) => `/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/${namespace}/kustomizations/${name}`
}
export const HELM_RELEASE: FluxKind = {
  kind: 'HelmRelease',
  label: 'helm.toolkit.fluxcd.io',
  path: (namespace, name) => `/apis/helm.toolkit.fluxcd.io/v2/namespaces/${namespace}/helmreleases/${name}`
}

/** The Flux object of a kind that has the target, if it says so itself; a hint where only the target says so. */
export async function fluxOwner(reading: OwnerReading, flux: FluxKind): Promise<Owner | undefined> {
  const { labels } = reading.workload
  const name = labels[`${flux.label}/name`]
  const namespace = labels[`${flux.label}/namespace`]
  if (name === undefined || namespace === undefined || !isObjectName('name', name) || !isObjectName('namespace', namespace))
    return undefined
  const named = `${namespace}/${name}`
  const path = flux.path(namespace, name)
  const answer = await readOwner(reading, namespace, path)
  if (answer.kind === 'absent') return hintOf(flux.kind, named, `there is no such ${flux.kind}`)
  if (answer.kind === 'unknown')
    return { kind: flux.kind, name: named, enforces: 'unknown', detail: `the ${flux.kind} cannot be read: ${answer.detail}` }
  if (isObject(objectAt(answer.object, 'spec')['kubeConfig'])) return hintOf(flux.kind, named, 'it applies to another cluster')
  const listed = await listedBy(reading, flux, answer.object)
  if (listed.kind === 'no') return hintOf(flux.kind, named, listed.why)
  const owner: Owner = {
    kind: flux.kind,
    name: named,
    ...ownerObject(path, answer.object, flux.kind),
    ...enforcement(reading, flux, answer.object)
  }
  return listed.kind === 'yes' ? { ...owner, lists: listed.lists } : { ...owner, detail: `${owner.detail}; unconfirmed: ${listed.why}` }
}

type Listed = { readonly kind: 'yes'; readonly lists: readonly Touched[] } | { readonly kind: 'no' | 'unconfirmed'; readonly why: string }

/** Whether the object says that it has the target: by its inventory, or through the Helm release that it makes. */
async function listedBy({ workload, contents, scope, signal }: OwnerReading, flux: FluxKind, object: JsonObject): Promise<Listed> {
  const inventory = inventoryOf(object)
  if (inventory !== undefined)
    return listsTarget(inventory, workload.ref)
      ? { kind: 'yes', lists: inventory }
      : { kind: 'no', why: 'its inventory does not list the target' }
  if (flux.kind === 'Kustomization') return { kind: 'no', why: 'it has no inventory' }
  const release = releaseOf(object)
  if (release === undefined || !mayLook(scope, release.namespace, workload.ref.namespace))
    return { kind: 'unconfirmed', why: 'its Helm release is in no namespace in which Astern may look' }
  const read = await contents(release, signal)
  if (read.kind === 'unread') return { kind: 'unconfirmed', why: read.detail }
  if (read.kind === 'listed' && listsTarget(read.lists, workload.ref)) return { kind: 'yes', lists: read.lists }
  return { kind: 'no', why: `its Helm release ${release.namespace}/${release.name} does not list the target` }
}

/** Helm allows 53 characters; helm-controller cuts longer names and adds a part of their hash. */
const LONGEST = 53

/** The Helm release that a HelmRelease makes. Flux keeps it beside the HelmRelease, unless told otherwise, wherever its objects go. */
function releaseOf(object: JsonObject): Required<ReleasePlace> | undefined {
  const [newest] = listAt(object, 'status', 'history')
  const target = textAt(object, 'spec', 'targetNamespace')
  const own = textAt(object, 'metadata', 'name') ?? ''
  const composed = textAt(object, 'spec', 'releaseName') ?? (target === undefined ? own : `${target}-${own}`)
  const name =
    textAt(newest, 'name') ?? (composed.length > LONGEST ? `${composed.slice(0, 40)}-${sha256(composed).slice(0, 12)}` : composed)
  const beside = textAt(object, 'metadata', 'namespace') ?? ''
  const namespace = textAt(object, 'status', 'storageNamespace') ?? textAt(object, 'spec', 'storageNamespace') ?? beside
  const objectsIn = textAt(newest, 'namespace') ?? target ?? beside
  return isObjectName('name', name) && isObjectName('namespace', namespace) ? { namespace, name, objectsIn } : undefined
}

function enforcement({ workload }: OwnerReading, flux: FluxKind, object: JsonObject): Pick<Owner, 'enforces' | 'detail'> {
  if (optedOut(flux, { ...workload.annotations, ...workload.labels }))
    return { enforces: 'no', detail: 'the object is marked as not reconciled' }
  if (objectAt(object, 'spec')['suspend'] !== true)
    return { enforces: 'yes', detail: `it applies what Git says every ${textAt(object, 'spec', 'interval') ?? 'interval'}` }
  // A reconciliation that began before the suspension still goes on to its end.
  const reconciling = listAt(object, 'status', 'conditions').some(
    condition => textAt(condition, 'type') === 'Reconciling' && textAt(condition, 'status') === 'True'
  )
  return reconciling
    ? { enforces: 'yes', detail: 'it is suspended, and a reconciliation that began before is still running' }
    : { enforces: 'no', detail: 'it is suspended' }
}

function optedOut(flux: FluxKind, marks: Readonly<Record<string, string>>): boolean {
  return (
    flux.kind === 'Kustomization' &&
    (marks[`${flux.label}/reconcile`] === 'disabled' || ['Ignore', 'IfNotPresent'].includes(marks[`${flux.label}/ssa`] ?? ''))
  )
}
