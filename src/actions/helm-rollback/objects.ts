import { atMost } from '../../base/at-most.ts'
import { objectAt, textMap } from '../../base/json.ts'
import { KINDS, type ObjectRef, objectPath } from '../../domain/objects.ts'
import type { ApiScope } from '../../domain/ports/cluster.ts'
import type { KubeAnswer } from '../../domain/ports/kube.ts'
import { isOneWayDoor, isSame, type Touched } from '../../domain/touched.ts'
import type { Release } from '../../domain/workload.ts'
import type { ManifestObject } from '../../templates/manifest.ts'
import type { RevisionContents } from './helm-port.ts'

/** An object of a revision, and where the API keeps its kind. `unclear`: the API does not know the kind. */
export interface ReleaseObject extends ManifestObject {
  readonly kept: 'in-namespace' | 'in-cluster' | 'unclear'
}

/** What the revisions make that a rollback may be about. */
export interface RevisionObjects {
  /** Of the manifest. */
  readonly objects: readonly ReleaseObject[]
  /** Of hooks. */
  readonly hooks: readonly ReleaseObject[]
}

/** The other objects of a release are looked at so many at a time. */
const AT_ONCE = 4

/** Asks of each object where its kind is kept, once of each kind; undefined where the API gives no answer now. */
export async function keptWhere(
  { objects, hooks }: RevisionContents,
  isNamespaced: (apiVersion: string, kind: string) => Promise<ApiScope>
): Promise<RevisionObjects | undefined> {
  const known = new Map<string, ApiScope>()
  for (const { apiVersion, kind } of [...objects, ...hooks]) {
    const key = `${apiVersion} ${kind}`
    if (!known.has(key)) known.set(key, await isNamespaced(apiVersion, kind))
  }
  if ([...known.values()].includes('no-answer')) return undefined
  const keptAt = (object: ManifestObject): ReleaseObject => {
    const namespaced = known.get(`${object.apiVersion} ${object.kind}`)
    return { ...object, kept: namespaced === undefined ? 'unclear' : namespaced === true ? 'in-namespace' : 'in-cluster' }
  }
  return { objects: objects.map(keptAt), hooks: hooks.map(keptAt) }
}

/** Whether one of the revisions lists the target in its manifest. */
export function revisionsList(revisions: readonly RevisionObjects[], release: Release, ref: ObjectRef): boolean {
  return revisions.some(({ objects }) => objects.some(object => isTarget(object, release, ref)))
}

/** Whether an object of the release is the target. */
export function isTarget(object: ReleaseObject, release: Release, ref: ObjectRef): boolean {
  return isSame(touchedOf(object, release), { ...ref, group: KINDS[ref.kind].group })
}

/** Everything in namespaces that a rollback from one revision to another may write, hooks included, and the release itself. */
export function touchedBy(revisions: readonly RevisionObjects[], release: Release): readonly Touched[] {
  const found = new Map<string, Touched>()
  for (const object of revisions.flatMap(all)) {
    if (object.kept === 'in-cluster') continue
    const touched = touchedOf(object, release)
    const key = JSON.stringify([touched.kind, touched.group, touched.namespace, touched.name, touched.oneWay])
    found.set(key, touched)
  }
  return [releaseTouched(release), ...found.values()]
}

/** The release itself, which is written in place of the target. */
export function releaseTouched({ namespace, name }: Release): Touched {
  return { kind: 'Release', namespace, name, owner: true }
}

/**
 * The objects of the target's kind, beside the target, that say in the cluster that they must not go back. Astern may read that
 * kind; of others only the manifest tells.
 */
export async function closedNow(
  touches: readonly Touched[],
  { kind, namespace, name }: ObjectRef,
  get: (path: string) => Promise<KubeAnswer>
): Promise<readonly Touched[]> {
  const beside = touches.filter(object => object.kind === kind && object.namespace === namespace && object.name !== name)
  const inTurn = atMost(AT_ONCE)
  const answers = await Promise.all(
    beside.map(object => inTurn(async () => ({ object, answer: await get(objectPath({ kind, namespace, name: object.name })) })))
  )
  return answers
    .filter(({ answer }) => answer.kind === 'ok' && isOneWayDoor(textMap(objectAt(answer.object, 'metadata')['annotations'])))
    .map(({ object }) => ({ ...object, oneWay: true }))
}

/** The first object that is, or may be, in no namespace and is not the same in both revisions. */
export function changedInCluster(from: RevisionObjects, to: RevisionObjects): ReleaseObject | undefined {
  const outside = (revision: RevisionObjects): ReadonlyMap<string, ReleaseObject> =>
    new Map(all(revision).flatMap(object => (mayBeInCluster(object) ? [[idOf(object), object] as const] : [])))
  const [before, after] = [outside(from), outside(to)]
  return [...before.values(), ...after.values()].find(object => {
    const id = idOf(object)
    return before.get(id)?.digest !== after.get(id)?.digest
  })
}

/** An object with a namespace of a kind that the API does not know may still be cluster-scoped: the API ignores the namespace then. */
function mayBeInCluster({ kept }: ReleaseObject): boolean {
  return kept !== 'in-namespace'
}

function all({ objects, hooks }: RevisionObjects): readonly ReleaseObject[] {
  return [...objects, ...hooks]
}

function idOf({ apiVersion, kind, namespace = '', name }: ReleaseObject): string {
  return JSON.stringify([apiVersion, kind, namespace, name])
}

/** An object without a namespace has the release's. */
function touchedOf({ apiVersion, kind, namespace, name, oneWay }: ReleaseObject, release: Release): Touched {
  const group = apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : ''
  return { kind, group, namespace: namespace ?? release.namespace, name, ...(oneWay ? { oneWay } : {}) }
}
