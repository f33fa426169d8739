import type { ObjectRef } from './objects.ts'
import type { Workload } from './workload.ts'

export const OWNER_KINDS = ['Application', 'Kustomization', 'HelmRelease', 'controller', 'field-manager'] as const
export type OwnerKind = (typeof OWNER_KINDS)[number]

/** Something that declares what an object is, besides the object itself. */
export interface Owner {
  readonly kind: OwnerKind
  /** `namespace/name`, or what is known of it. */
  readonly name: string
  /** Whether it would put its own version back over a write of Astern's; `unknown` where it cannot be asked. */
  readonly enforces: 'yes' | 'no' | 'unknown'
  /** How it enforces, or why not, for people. */
  readonly detail: string
  /** Where it can be suspended: absent where nothing that Astern could do would last. */
  readonly object?: { readonly path: string; readonly uid: string; readonly annotated: boolean }
  /** `spec.syncPolicy.automated` as it is, for Argo CD: it must come back as it was. */
  readonly automated?: Readonly<Record<string, unknown>>
}

/** How a Helm release is named where targets are. */
export function releaseKey({ namespace, name }: { readonly namespace: string; readonly name: string }): string {
  return `Release/${namespace}/${name}`
}

/** One run at a time works on an object, on what owns it, and so on what that owns besides (rules 3). */
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
