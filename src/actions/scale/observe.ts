import { isObject, type JsonObject, listAt, textAt } from '../../base/json.ts'
import { refused, type Tools } from '../../domain/action.ts'
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
  const [autoscalers, quotas, keda, pods] = await Promise.all([
    tools.kube.get(autoscalersPath(namespace), signal),
    tools.kube.get(`${core}/resourcequotas`, signal),
    tools.kube.get(scaledObjectsPath(namespace), signal),
    // By a list, as the target's pods are read, so that no right to read a single one is needed.
    one === undefined ? undefined : tools.kube.get(`${core}/pods?fieldSelector=metadata.name%3D${encodeURIComponent(one)}`, signal)
  ])
  const noKeda = keda.kind === 'error' && keda.status === 404
  for (const answer of [autoscalers, quotas, ...(noKeda ? [] : [keda]), ...(pods === undefined ? [] : [pods])])
    if (answer.kind !== 'ok')
      return refused(answer.kind === 'error' && answer.status === 403 ? 'forbidden' : 'cluster-unreachable', answer.detail)
  const nodes = options.reportNodes === true ? await tools.kube.get('/api/v1/nodes', signal) : undefined
  const items = (answer: typeof autoscalers | undefined): readonly unknown[] =>
    answer?.kind === 'ok' ? listAt(answer.object, 'items') : []
  const pod = items(pods).find((item): item is JsonObject => isObject(item) && textAt(item, 'metadata', 'name') === one)
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
