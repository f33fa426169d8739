import type { JsonObject } from '../../base/json.ts'
import { kubectlName, objectPath } from '../../domain/objects.ts'
import type { PatchOperation, PatchWrite, ScaleWrite } from '../../domain/plan.ts'
import type { Reason } from '../../domain/reasons.ts'
import type { Workload } from '../../domain/workload.ts'
import type { Autoscaler } from './autoscaler.ts'

/** How a number of pods is reached, and left again. */
export interface Means {
  readonly replicas: number
  readonly write: PatchWrite | ScaleWrite
  readonly giveBack: PatchWrite | ScaleWrite
  readonly summary: string
  readonly reverse: string
  /** What giving back does, for people. */
  readonly back: string
  readonly facts: JsonObject
}

type Found = Means | { readonly reason: Reason; readonly detail: string }

/** Nobody else decides: the scale subresource. */
export function throughSubresource(workload: Workload, wanted: number): Found {
  const { ref, replicas } = workload
  if (wanted === replicas) return { reason: 'already-so', detail: `it has ${replicas} replicas, and the bounds allow no other number` }
  const path = `${objectPath(ref)}/scale`
  return {
    replicas: wanted,
    write: { kind: 'scale', path, from: replicas, replicas: wanted },
    giveBack: { kind: 'scale', path, from: wanted, replicas },
    summary: `scale from ${replicas} to ${wanted} pods`,
    reverse: `kubectl -n ${ref.namespace} scale ${kubectlName(ref)} --replicas=${replicas}`,
    back: `scale ${kubectlName(ref)} back to ${replicas}`,
    facts: {}
  }
}

/** An autoscaler decides, and would take other replicas back within seconds: its floor is raised (facts B.5). */
export function throughAutoscaler(
  { ref, replicas }: Workload,
  autoscaler: Autoscaler,
  wanted: number,
  { autoscaler: how = 'floor', max }: { readonly autoscaler?: string; readonly max: number }
): Found {
  const { name, floor, ceiling, path, uid } = autoscaler
  if (autoscaler.keda)
    return {
      reason: 'autoscaler-owned',
      detail: `KEDA made autoscaler ${name} and puts its floor back: change minReplicaCount of its ScaledObject`
    }
  if (how === 'deny') return { reason: 'autoscaler-owned', detail: `autoscaler ${name} decides between ${floor} and ${ceiling}` }
  const raisesCeiling = wanted > ceiling && how === 'floor-and-ceiling'
  const top = raisesCeiling ? Math.min(wanted, max) : ceiling
  const raised = Math.min(wanted, top)
  if (raised <= replicas && raised <= floor)
    return { reason: 'already-so', detail: `the floor of autoscaler ${name} is ${floor} already, with ${replicas} pods` }
  if (raised <= replicas)
    return {
      reason: 'out-of-bounds',
      detail: `autoscaler ${name} runs ${replicas} of at most ${ceiling} pods: a higher floor brings no pod, and the policy does not say to raise the ceiling further`
    }
  const test = (field: string, value: number): PatchOperation => ({ op: 'test', path: `/spec/${field}`, value })
  const replace = (field: string, value: number): PatchOperation => ({ op: 'replace', path: `/spec/${field}`, value })
  const isIt: PatchOperation = { op: 'test', path: '/metadata/uid', value: uid }
  return {
    replicas: raised,
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
      mark: autoscaler.annotated ? 'add' : 'first'
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
      mark: 'none'
    },
    summary: `raise the floor of autoscaler ${name} from ${floor} to ${raised}${raisesCeiling ? ` and its ceiling from ${ceiling} to ${top}` : ''}`,
    reverse: `kubectl -n ${ref.namespace} patch hpa ${name} --type merge -p '${JSON.stringify({ spec: { minReplicas: floor, ...(raisesCeiling ? { maxReplicas: ceiling } : {}) } })}'`,
    back: `put the floor of autoscaler ${name} back to ${floor}${raisesCeiling ? ` and its ceiling to ${ceiling}` : ''}`,
    facts: { autoscaler: name, floorBefore: floor, ceilingBefore: ceiling }
  }
}
