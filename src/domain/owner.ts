import type { ObjectRef } from './objects.ts'
import type { Workload } from './workload.ts'

export const OWNER_KINDS = ['Application', 'Kustomization', 'HelmRelease', 'controller', 'field-manager'] as const
export type OwnerKind = (typeof OWNER_KINDS)[number]

/** Something that declares what an object is, besides the object itself. */
export interface Owner {
  readonly kind: OwnerKind
  /** `namespace/name`, or as much of it as is known. */
  readonly name: string
  /** Whether the owner would put its own version back over a write of Astern's; `unknown` where Astern cannot ask. */
  readonly enforces: 'yes' | 'no' | 'unknown'
  /** How the owner enforces its version, or why it does not; for people. */
  readonly detail: string
  /** How Astern can suspend the owner. Absent where a suspension would not last. */
  readonly object?: { readonly path: string; readonly uid: string; readonly annotated: boolean }
  /** Argo CD's `spec.syncPolicy.automated` as it is, because Astern must put it back unchanged. */
  readonly automated?: Readonly<Record<string, unknown>>
}

/** The key of a Helm release among the keys of targets. */
export function releaseKey({ namespace, name }: { readonly namespace: string; readonly name: string }): string {
  return `Release/${namespace}/${name}`
}

/** The keys that a run locks besides its target. A lock on the owner keeps other runs from all that the owner has (rules 3). */
export function lockKeys(workload: Workload): readonly string[] {
  const { ref, release, controller } = workload
  return [
    ...(release === undefined ? [] : [releaseKey(release)]),
    ...(controller === undefined ? [] : [`${controller.kind}/${ref.namespace}/${controller.name}`]),
    // The Deployment that an Argo Rollout takes its template from is written in its place.
    ...(workload.templateAt.uid === workload.uid ? [] : [holderKey(ref, workload.templateAt.path)])
  ]
}

function holderKey(ref: ObjectRef, path: string): string {
  const name = path.split('/').at(-1) ?? ''
  return `${path.includes('/deployments/') ? 'Deployment' : 'TemplateOf'}/${ref.namespace}/${decodeURIComponent(name)}`
}
