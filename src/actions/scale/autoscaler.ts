import { isObject, type JsonObject, listAt, numberAt, objectAt, textAt } from '../../base/json.ts'
import type { Tools } from '../../domain/action.ts'
import { type Listed, listKept } from '../../domain/long-list.ts'
import { KINDS, type ObjectRef } from '../../domain/objects.ts'
import type { PatchWrite } from '../../domain/plan.ts'
import type { KubeAnswer } from '../../domain/ports/kube.ts'

/** A patch of an autoscaler's bounds, which moves its number of pods from one value to another. */
export interface FloorWrite extends PatchWrite {
  /** The autoscaler's name. */
  readonly autoscaler: string
  /** The floor that the write leaves. */
  readonly floor: number
  readonly from: number
  readonly replicas: number
}

/** A HorizontalPodAutoscaler of the target (facts B.5). */
export interface Autoscaler {
  readonly name: string
  readonly path: string
  readonly uid: string
  readonly floor: number
  readonly ceiling: number
  readonly annotated: boolean
  /** True where it is KEDA's, which puts its own floor back. */
  readonly keda: boolean
}

export function autoscalersPath(namespace: string): string {
  return `/apis/autoscaling/v2/namespaces/${encodeURIComponent(namespace)}/horizontalpodautoscalers`
}

/** The autoscalers that scale the target, by group, kind and name. */
export function autoscalersOf(target: ObjectRef, items: readonly unknown[]): readonly Autoscaler[] {
  return items
    .filter(isObject)
    .filter(item => scales(item, target))
    .map(item => toAutoscaler(item, target.namespace))
}

function scales(item: JsonObject, { kind, name }: ObjectRef): boolean {
  const reference = objectAt(item, 'spec', 'scaleTargetRef')
  const version = textAt(reference, 'apiVersion') ?? ''
  const group = version.includes('/') ? version.split('/')[0] : ''
  return textAt(reference, 'kind') === kind && textAt(reference, 'name') === name && group === KINDS[kind].group
}

export function toAutoscaler(item: JsonObject, namespace: string): Autoscaler {
  const name = textAt(item, 'metadata', 'name') ?? ''
  return {
    name,
    path: `${autoscalersPath(namespace)}/${encodeURIComponent(name)}`,
    uid: textAt(item, 'metadata', 'uid') ?? '',
    // The API server fills in 1 where nothing is said.
    floor: numberAt(item, 'spec', 'minReplicas') ?? 1,
    ceiling: numberAt(item, 'spec', 'maxReplicas') ?? 1,
    annotated: Object.keys(objectAt(item, 'metadata', 'annotations')).length > 0,
    keda: listAt(item, 'metadata', 'ownerReferences').some(owner => textAt(owner, 'kind') === 'ScaledObject')
  }
}

/** Reads one autoscaler from the list, as planning does. So Astern needs no right to read a single one. */
export async function readAutoscaler(
  tools: Pick<Tools, 'kube'>,
  namespace: string,
  write: FloorWrite,
  signal: AbortSignal
): Promise<JsonObject | 'unknown' | undefined> {
  const list = await listNamed(tools, namespace, write, signal)
  return list.kind === 'ok' ? list.items[0] : 'unknown'
}

/** The autoscaler of a write out of the list of them, with all its fields; 404 where it is gone. */
export async function listedAutoscaler(
  tools: Pick<Tools, 'kube'>,
  namespace: string,
  write: FloorWrite,
  signal: AbortSignal
): Promise<KubeAnswer> {
  const list = await listNamed(tools, namespace, write, signal)
  if (list.kind !== 'ok') return list
  const [object] = list.items
  return object === undefined ? { kind: 'error', status: 404, detail: `${write.autoscaler} is gone` } : { kind: 'ok', status: 200, object }
}

function listNamed(
  tools: Pick<Tools, 'kube'>,
  namespace: string,
  { autoscaler }: FloorWrite,
  signal: AbortSignal
): Promise<Listed<JsonObject>> {
  const named = (item: JsonObject): JsonObject | undefined => (textAt(item, 'metadata', 'name') === autoscaler ? item : undefined)
  return listKept((page, until) => tools.kube.get(page, until), autoscalersPath(namespace), named, signal)
}
