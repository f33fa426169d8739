import type { JsonObject } from '../base/json.ts'
import { objectAt, textAt, textMap } from '../base/json.ts'
import { type LookScope, mayLook } from '../domain/namespaces.ts'
import type { Owner, OwnerKind } from '../domain/owner.ts'
import type { Kube } from '../domain/ports/kube.ts'
import { isOneWayDoor } from '../domain/touched.ts'
import type { Workload } from '../domain/workload.ts'
import type { ReleaseContents } from './release-contents.ts'

/** What finding the owners of a target needs. */
export interface OwnerReading {
  readonly kube: Pick<Kube, 'get'>
  readonly workload: Workload
  readonly scope: LookScope
  readonly contents: ReleaseContents
  readonly signal: AbortSignal
}

/** `absent`: there is none of that name. `unknown`: it may not be read, or gave no answer. */
export type OwnerAnswer =
  | { readonly kind: 'ok'; readonly object: JsonObject }
  | { readonly kind: 'absent' }
  | { readonly kind: 'unknown'; readonly detail: string }

/** Reads an owner that the target's metadata names, where Astern may look. */
export async function readOwner({ kube, workload, scope, signal }: OwnerReading, namespace: string, path: string): Promise<OwnerAnswer> {
  if (!mayLook(scope, namespace, workload.ref.namespace))
    return {
      kind: 'unknown',
      detail: `${namespace} is neither an allowed namespace nor one of ASTERN_ARGOCD_NAMESPACE and ASTERN_FLUX_NAMESPACES, so it is not read`
    }
  const answer = await kube.get(path, signal)
  if (answer.kind === 'ok') return answer
  return answer.kind === 'error' && answer.status === 404 ? { kind: 'absent' } : { kind: 'unknown', detail: answer.detail }
}

/** An owner that only the target's metadata names. It enforces nothing here. */
export function hintOf(kind: OwnerKind, name: string, why: string): Owner {
  return { kind, name, enforces: 'no', hint: true, detail: `only the target’s metadata names it: ${why}` }
}

/** The owner as an object that is written when it is suspended. */
export function ownerObject(path: string, object: JsonObject, kind: string) {
  const annotations = objectAt(object, 'metadata', 'annotations')
  const [namespace = '', , name = ''] = path.split('/').slice(-3)
  return {
    at: {
      kind,
      namespace: decodeURIComponent(namespace),
      name: decodeURIComponent(name),
      ...(isOneWayDoor(textMap(annotations)) ? { oneWay: true as const } : {})
    },
    object: { path, uid: textAt(object, 'metadata', 'uid') ?? '', annotated: Object.keys(annotations).length > 0 }
  }
}
