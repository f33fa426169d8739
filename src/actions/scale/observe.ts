import { isObject, type JsonObject, objectAt, textAt } from '../../base/json.ts'
import { refused, type Tools } from '../../domain/action.ts'
import { type Listed, listKept } from '../../domain/long-list.ts'
import type { Observation, PlanInput } from '../typed-action.ts'
import { type Autoscaler, autoscalersOf, autoscalersPath } from './autoscaler.ts'
import type { ScaleOptions } from './options.ts'
import { type NodeRoom, nodeRoom } from './room.ts'
import { type ScaledObject, scaledObjectsOf, scaledObjectsPath } from './scaled-object.ts'

/** What decides how many pods the target may have. */
export interface SeenScale {
  readonly autoscalers: readonly Autoscaler[]
  /** KEDA's. */
  readonly scaledObjects?: readonly ScaledObject[]
  readonly quotas: readonly unknown[]
  /** One of the target's pods, as the API server made it. Absent where there is none of the present template. */
  readonly pod?: JsonObject
  readonly nodes?: NodeRoom | string
}

/** Looks at autoscalers, quotas and one of the pods, and at the nodes where the step says so. */
export async function observe(
  tools: Tools,
  { workload, options }: PlanInput<ScaleOptions>,
  signal: AbortSignal
): Promise<Observation<SeenScale>> {
  const { namespace } = workload.ref
  const core = `/api/v1/namespaces/${encodeURIComponent(namespace)}`
  const one = workload.pods.find(({ current, terminating }) => current && !terminating)?.name
  const list = (path: string): Promise<Listed<JsonObject>> => listKept((page, until) => tools.kube.get(page, until), path, lean, signal)
  const [autoscalers, quotas, keda, pods] = await Promise.all([
    list(autoscalersPath(namespace)),
    list(`${core}/resourcequotas`),
    list(scaledObjectsPath(namespace)),
    // By a list, as the target's pods are read, so that no right to read a single one is needed.
    one === undefined ? undefined : list(`${core}/pods?fieldSelector=metadata.name%3D${encodeURIComponent(one)}`)
  ])
  const noKeda = keda.kind === 'error' && keda.status === 404
  for (const answer of [autoscalers, quotas, ...(noKeda ? [] : [keda]), ...(pods === undefined ? [] : [pods])])
    if (answer.kind !== 'ok')
      return refused(answer.kind === 'error' && answer.status === 403 ? 'forbidden' : 'cluster-unreachable', answer.detail)
  const nodes = options.reportNodes === true ? await list('/api/v1/nodes') : undefined
  const items = (answer: Listed<JsonObject> | undefined): readonly JsonObject[] => (answer?.kind === 'ok' ? answer.items : [])
  const pod = items(pods).find(item => textAt(item, 'metadata', 'name') === one)
  return {
    kind: 'seen',
    seen: {
      autoscalers: autoscalersOf(workload.ref, items(autoscalers)),
      scaledObjects: scaledObjectsOf(workload.ref, items(keda)),
      quotas: items(quotas),
      ...(pod === undefined ? {} : { pod }),
      ...(nodes === undefined ? {} : { nodes: nodes.kind === 'ok' ? nodeRoom(items(nodes)) : nodes.detail })
    }
  }
}

/** Lets go of what is long and decides nothing: who wrote which field, and the images that a node has. */
function lean(object: JsonObject): JsonObject {
  const { managedFields: _, ...metadata } = objectAt(object, 'metadata')
  if (!isObject(object['status'])) return { ...object, metadata }
  const { images: __, ...status } = object['status']
  return { ...object, metadata, status }
}
