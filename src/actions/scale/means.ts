import type { JsonObject } from '../../base/json.ts'
import { type Refused, refused } from '../../domain/action.ts'
import { kubectlName, objectPath } from '../../domain/objects.ts'
import type { PatchOperation } from '../../domain/plan.ts'
import type { Workload } from '../../domain/workload.ts'
import type { Autoscaler, FloorWrite } from './autoscaler.ts'
import type { ScaleOptions } from './options.ts'
import type { SubresourceWrite } from './write-scale.ts'

/** The write of a scale: through the scale subresource, or through the autoscaler that decides the number. */
export type ScaleWrite = SubresourceWrite | FloorWrite

/** How the number of pods is changed, and changed back. */
export interface Means {
  readonly write: ScaleWrite
  readonly giveBack: ScaleWrite
  readonly summary: string
  readonly reverse: string
  /** What giving back does, in words for people. */
  readonly back: string
  readonly facts: JsonObject
}

type Found = { readonly kind: 'means'; readonly means: Means } | Refused

/** Scales by the scale subresource, where no autoscaler decides. */
export function throughSubresource(workload: Workload, wanted: number): Found {
  const { ref, replicas } = workload
  if (wanted === replicas) return refused('already-so', `it has ${replicas} replicas, and the bounds allow no other number`)
  const path = `${objectPath(ref)}/scale`
  return {
    kind: 'means',
    means: {
      write: { kind: 'scale', path, from: replicas, replicas: wanted },
      giveBack: { kind: 'scale', path, from: wanted, replicas },
      summary: `scale from ${replicas} to ${wanted} pods`,
      reverse: `kubectl -n ${ref.namespace} scale ${kubectlName(ref)} --replicas=${replicas}`,
      back: `scale ${kubectlName(ref)} back to ${replicas}`,
      facts: {}
    }
  }
}

/** Raises the floor of the autoscaler, which would take back any other number within seconds (facts B.5). */
export function throughAutoscaler(
  { ref, replicas }: Workload,
  autoscaler: Autoscaler,
  wanted: number,
  { autoscaler: how = 'floor', max }: Pick<ScaleOptions, 'autoscaler' | 'max'>
): Found {
  const { name, floor, ceiling, path, uid } = autoscaler
  if (autoscaler.keda)
    return refused('autoscaler-owned', `KEDA made autoscaler ${name} and puts its floor back: change minReplicaCount of its ScaledObject`)
  if (how === 'deny') return refused('autoscaler-owned', `autoscaler ${name} decides between ${floor} and ${ceiling}`)
  const raisesCeiling = wanted > ceiling && how === 'floor-and-ceiling'
  const top = raisesCeiling ? Math.min(wanted, max) : ceiling
  const raised = Math.min(wanted, top)
  if (raised <= replicas && raised <= floor)
    return refused('already-so', `the floor of autoscaler ${name} is ${floor} already, with ${replicas} pods`)
  if (raised <= replicas)
    return refused(
      'out-of-bounds',
      `autoscaler ${name} runs ${replicas} of at most ${ceiling} pods: a higher floor brings no pod, and the policy does not say to raise the ceiling further`
    )
  const test = (field: string, value: number): PatchOperation => ({ op: 'test', path: `/spec/${field}`, value })
  const replace = (field: string, value: number): PatchOperation => ({ op: 'replace', path: `/spec/${field}`, value })
  const isIt: PatchOperation = { op: 'test', path: '/metadata/uid', value: uid }
  return {
    kind: 'means',
    means: {
      write: {
        kind: 'json-patch',
        path,
        operations: [
          isIt,
          test('minReplicas', floor),
          test('maxReplicas', ceiling),
          ...(raisesCeiling ? [replace('maxReplicas', top)] : []),
          replace('minReplicas', raised)
        ],
        mark: autoscaler.annotated ? 'add' : 'first',
        autoscaler: name,
        floor: raised,
        from: replicas,
        replicas: raised
      },
      giveBack: {
        kind: 'json-patch',
        path,
        operations: [
          isIt,
          test('minReplicas', raised),
          ...(raisesCeiling ? [test('maxReplicas', top)] : []),
          replace('minReplicas', floor),
          ...(raisesCeiling ? [replace('maxReplicas', ceiling)] : [])
        ],
        mark: 'none',
        autoscaler: name,
        floor,
        from: raised,
        replicas
      },
      summary: `raise the floor of autoscaler ${name} from ${floor} to ${raised}${raisesCeiling ? ` and its ceiling from ${ceiling} to ${top}` : ''}`,
      reverse: `kubectl -n ${ref.namespace} patch hpa ${name} --type merge -p '${JSON.stringify({ spec: { minReplicas: floor, ...(raisesCeiling ? { maxReplicas: ceiling } : {}) } })}'`,
      back: `put the floor of autoscaler ${name} back to ${floor}${raisesCeiling ? ` and its ceiling to ${ceiling}` : ''}`,
      facts: { autoscaler: name, floorBefore: floor, ceilingBefore: ceiling }
    }
  }
}
