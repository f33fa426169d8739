import { instantAt, type JsonObject, listAt, numberAt, objectAt, textAt } from '../base/json.ts'
import type { ControllerParts } from './controller-parts.ts'
import { nameOf, replicasOf, seconds } from './object-fields.ts'
import { generationOf } from './store.ts'

/** Counts and conditions of a Deployment, as the real controller writes them (facts B.3). */
export function updateStatus(
  parts: ControllerParts,
  deployment: JsonObject,
  current: JsonObject | undefined,
  sets: readonly JsonObject[]
): void {
  const count = (list: readonly JsonObject[], name: string): number =>
    list.reduce((sum, set) => sum + (numberAt(set, 'status', name) ?? 0), 0)
  const wanted = replicasOf(deployment)
  const status = {
    observedGeneration: generationOf(deployment),
    replicas: count(sets, 'replicas'),
    updatedReplicas: current === undefined ? 0 : (numberAt(current, 'status', 'replicas') ?? 0),
    readyReplicas: count(sets, 'readyReplicas'),
    availableReplicas: count(sets, 'availableReplicas')
  }
  const complete = status.updatedReplicas === wanted && status.replicas === wanted && status.availableReplicas === wanted
  parts.store.put('deployments', { ...deployment, status: { ...status, conditions: conditions(parts, deployment, status, complete) } })
}

function conditions(
  parts: ControllerParts,
  deployment: JsonObject,
  status: Readonly<Record<string, number>>,
  complete: boolean
): JsonObject[] {
  const before = listAt(deployment, 'status', 'conditions').find(condition => textAt(condition, 'type') === 'Progressing')
  const old = objectAt(deployment, 'status')
  const progressed =
    ['updatedReplicas', 'readyReplicas', 'availableReplicas'].some(name => (status[name] ?? 0) > (numberAt(old, name) ?? 0)) ||
    (status['replicas'] ?? 0) < (numberAt(old, 'replicas') ?? 0) ||
    (status['observedGeneration'] ?? 0) > (numberAt(old, 'observedGeneration') ?? 0)
  const deadline = (numberAt(deployment, 'spec', 'progressDeadlineSeconds') ?? 600) * 1_000
  const was = textAt(before, 'reason')
  const updatedAt = instantAt(before, 'lastUpdateTime') ?? parts.now()
  // A finished rollout stays finished while its pods come and go (facts B.3).
  const finished = was === 'NewReplicaSetAvailable' && status['replicas'] === status['updatedReplicas']
  const reason =
    complete || finished
      ? 'NewReplicaSetAvailable'
      : progressed
        ? 'ReplicaSetUpdated'
        : parts.now() - updatedAt > deadline
          ? 'ProgressDeadlineExceeded'
          : was === undefined
            ? 'NewReplicaSetCreated'
            : was === 'NewReplicaSetAvailable'
              ? 'ReplicaSetUpdated'
              : was
  const changed = reason !== was || (reason === 'ReplicaSetUpdated' && progressed)
  const at = changed ? seconds(parts.now()) : textAt(before, 'lastUpdateTime')
  const available = (status['availableReplicas'] ?? 0) > 0 || replicasOf(deployment) === 0
  return [
    {
      type: 'Progressing',
      status: reason === 'ProgressDeadlineExceeded' ? 'False' : 'True',
      reason,
      message:
        reason === 'ProgressDeadlineExceeded'
          ? `ReplicaSet of ${nameOf(deployment)} has timed out progressing.`
          : `ReplicaSet of ${nameOf(deployment)} is progressing.`,
      lastUpdateTime: at,
      lastTransitionTime: at
    },
    {
      type: 'Available',
      status: available ? 'True' : 'False',
      reason: available ? 'MinimumReplicasAvailable' : 'MinimumReplicasUnavailable'
    }
  ]
}
