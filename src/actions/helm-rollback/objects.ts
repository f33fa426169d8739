import { KINDS, type ObjectRef } from '../../domain/objects.ts'
import { isSame, type Touched } from '../../domain/touched.ts'
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

/** Asks of each object where its kind is kept. */
export async function keptWhere(
  { objects, hooks }: RevisionContents,
  isNamespaced: (apiVersion: string, kind: string) => Promise<boolean | undefined>
): Promise<RevisionObjects> {
  const of = async (some: readonly ManifestObject[]): Promise<readonly ReleaseObject[]> => {
    const kept: ReleaseObject[] = []
    for (const object of some) {
      const namespaced = await isNamespaced(object.apiVersion, object.kind)
      kept.push({ ...object, kept: namespaced === undefined ? 'unclear' : namespaced ? 'in-namespace' : 'in-cluster' })
    }
    return kept
  }
  return { objects: await of(objects), hooks: await of(hooks) }
}

/** Whether one of the revisions lists the target in its manifest. */
export function revisionsList(revisions: readonly RevisionObjects[], release: Release, ref: ObjectRef): boolean {
  const target: Touched = { ...ref, group: KINDS[ref.kind].group }
  return revisions.some(({ objects }) => objects.some(object => isSame(touchedOf(object, release), target)))
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
