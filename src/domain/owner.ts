import type { ObjectRef } from './objects.ts'
import { type Touched, touchedKey } from './touched.ts'
import type { Workload } from './workload.ts'

export const OWNER_KINDS = ['Application', 'Kustomization', 'HelmRelease', 'controller', 'field-manager'] as const
export type OwnerKind = (typeof OWNER_KINDS)[number]

/** Something that declares what an object is, besides the object itself. */
export interface Owner extends ToldOwner {
  /** The owner as an object that a run may write, where it is one. */
  readonly at?: Touched
  /** Every object that it says it has; absent where it does not say. */
  readonly lists?: readonly Touched[]
}

/** An owner as people read of it. */
export interface ToldOwner {
  readonly kind: OwnerKind
  /** `namespace/name`, or as much of it as is known. */
  readonly name: string
  /** Whether the owner would put its own version back over a write of Astern's; `unknown` where Astern cannot ask. */
  readonly enforces: 'yes' | 'no' | 'unknown'
  /** How the owner enforces its version, or why it does not; for people. */
  readonly detail: string
  /** True where only the object's metadata names it, and it does not list the object: a copy's metadata names the original's owner. */
  readonly hint?: true
  /** How Astern can suspend the owner. Absent where a suspension would not last. */
  readonly object?: { readonly path: string; readonly uid: string; readonly annotated: boolean }
  /** Argo CD's `spec.syncPolicy.automated` as it is, because Astern must put it back unchanged. */
  readonly automated?: Readonly<Record<string, unknown>>
}

/** Whether an owner would put its version back, or may: one that cannot be asked is taken for one that does. */
export function mayBeEnforced(owners: readonly Owner[]): boolean {
  return owners.some(({ enforces }) => enforces !== 'no')
}

/** An owner without what only guards need of it: what it lists may be very long. */
export function toldOwner({ at: _at, lists: _lists, ...told }: Owner): ToldOwner {
  return told
}

/** The key of a Helm release among the keys of targets. */
export function releaseKey({ namespace, name }: { readonly namespace: string; readonly name: string }): string {
  return `Release/${namespace}/${name}`
}

/** The keys that a run locks besides its target. A lock on the owner keeps other runs from all that the owner has (rules 3). */
export function lockKeys(workload: Workload): readonly string[] {
  const { ref, release, controller } = workload
  const holder = holderOf(workload)
  return [
    ...(release === undefined ? [] : [releaseKey(release)]),
    ...(controller === undefined ? [] : [`${controller.kind}/${ref.namespace}/${controller.name}`]),
    ...keysOf(holder === undefined ? [] : [holder])
  ]
}

/** The keys of all that a plan touches, and of all that the owners among it have. */
export function touchedKeys(touches: readonly Touched[], owners: readonly Owner[]): readonly string[] {
  const names = new Set(keysOf(touches))
  const among = owners.filter(({ at }) => at !== undefined && keysOf([at]).some(key => names.has(key)))
  return [...new Set([...names, ...keysOf(among.flatMap(({ lists }) => lists ?? []))])]
}

function keysOf(objects: readonly Touched[]): readonly string[] {
  return objects.flatMap(object => touchedKey(object) ?? [])
}

/** The object that an Argo Rollout takes its template from, which is written in its place; undefined for any other workload. */
export function holderOf({ ref, uid, templateAt }: Workload): Touched | undefined {
  return templateAt.uid === uid ? undefined : heldAt(ref, templateAt.path)
}

function heldAt(ref: ObjectRef, path: string): Touched {
  const name = path.split('/').at(-1) ?? ''
  return { kind: path.includes('/deployments/') ? 'Deployment' : 'TemplateOf', namespace: ref.namespace, name: decodeURIComponent(name) }
}
