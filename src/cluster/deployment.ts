import { instantAt, isObject, type JsonObject, listAt, numberAt, objectAt, textAt, textMap } from '../base/json.ts'
import type { ObjectRef } from '../domain/objects.ts'
import type { PodSummary } from '../domain/pod.ts'
import { type Revision, type Rollout, templateIdentity, type Workload } from '../domain/workload.ts'
import { commonOf, controllerUid, minReadyOf } from './metadata.ts'
import { brokenAmong, podsOf } from './pods.ts'
import { rollingOf } from './rolling.ts'

const REVISION = 'deployment.kubernetes.io/revision'
const REVISION_HISTORY = 'deployment.kubernetes.io/revision-history'

/** With this `progressDeadlineSeconds` the controller gives no rollout up: the greatest int32. */
const NO_DEADLINE = 2_147_483_647
/** The API server's default, seconds. */
const DEFAULT_DEADLINE = 600

/** The numbers of revisions begin at 1, because kubectl takes 0 for none. */
const NUMBER = /^[1-9]\d*$/

/** Beyond 2,000 characters the controller cuts off the beginning of the list of former numbers. */
const HISTORY_KEPT_WHOLE = 1_900

/** Reads what decisions need of a Deployment with its ReplicaSets and pods. Pure. */
export function toDeployment(ref: ObjectRef, deployment: JsonObject, replicaSets: readonly unknown[], pods: readonly unknown[]): Workload {
  const common = commonOf(ref, deployment)
  const { owned, summaries } = setsOf(common.uid, common.identity, replicaSets, pods)
  return {
    ...common,
    ...minReadyOf(deployment),
    strategy: textAt(deployment, 'spec', 'strategy', 'type') ?? 'RollingUpdate',
    ...rollingOf(objectAt(deployment, 'spec', 'strategy', 'rollingUpdate'), common.replicas),
    revisions: revisionsOf(owned, REVISION, REVISION_HISTORY),
    rollout: toRollout(deployment, summaries),
    pods: summaries
  }
}

/** The ReplicaSets that the object controls, and their pods. */
export function setsOf(uid: string, identity: string, replicaSets: readonly unknown[], pods: readonly unknown[]) {
  const owned = replicaSets.filter(isObject).filter(set => controllerUid(set) === uid)
  const uidOf = (set: JsonObject): string | undefined => textAt(set, 'metadata', 'uid')
  const current = owned.filter(set => templateIdentity(objectAt(set, 'spec', 'template')) === identity)
  const summaries = podsOf(pods, { owned: new Set(owned.map(uidOf)), current: new Set(current.map(uidOf)) })
  return { owned, summaries }
}

function deadlineOf(deployment: JsonObject): number {
  const seconds = numberAt(deployment, 'spec', 'progressDeadlineSeconds') ?? DEFAULT_DEADLINE
  return seconds >= NO_DEADLINE ? 0 : seconds * 1_000
}

/** Why the controller cannot make pods: the API server's sentence, which names the quota or the policy (condition `ReplicaFailure`). */
export function cannotCreateOf(object: JsonObject): string | undefined {
  const failure = listAt(object, 'status', 'conditions').find(condition => textAt(condition, 'type') === 'ReplicaFailure')
  return textAt(failure, 'status') === 'True' ? (textAt(failure, 'message') ?? textAt(failure, 'reason')) : undefined
}

/** The revisions, newest first. `revision` and `history` are the annotations with a ReplicaSet's number and its former numbers. */
export function revisionsOf(owned: readonly JsonObject[], revision: string, history: string): Revision[] {
  return owned.flatMap(set => toRevision(set, revision, history) ?? []).sort((a, b) => b.number - a.number || b.createdAt - a.createdAt)
}

function toRevision(set: JsonObject, numberedBy: string, historyBy: string): Revision | undefined {
  const annotations = textMap(objectAt(set, 'metadata')['annotations'])
  const written = annotations[numberedBy]
  const createdAt = instantAt(set, 'metadata', 'creationTimestamp')
  if (written === undefined || !NUMBER.test(written) || createdAt === undefined) return undefined
  const template = objectAt(set, 'spec', 'template')
  const history = annotations[historyBy] ?? ''
  const first = history === '' ? written : history.split(',')[0]
  return {
    number: Number(written),
    name: textAt(set, 'metadata', 'name') ?? '',
    identity: templateIdentity(template),
    template,
    createdAt,
    reused: history !== '',
    ...(first !== undefined && NUMBER.test(first) && history.length < HISTORY_KEPT_WHOLE ? { madeAs: Number(first) } : {}),
    readyPods: numberAt(set, 'status', 'readyReplicas') ?? 0
  }
}

/**
 * How far the rollout is (facts B.3). A finished rollout does not move again when its pods fail later: the controller keeps the
 * reason `NewReplicaSetAvailable`, and Astern goes by it.
 */
function toRollout(deployment: JsonObject, pods: readonly PodSummary[]): Rollout {
  const generation = numberAt(deployment, 'metadata', 'generation') ?? 0
  const status = objectAt(deployment, 'status')
  const count = (name: string): number => numberAt(status, name) ?? 0
  const replicas = numberAt(deployment, 'spec', 'replicas') ?? 1
  const progressing = listAt(status, 'conditions').find(condition => textAt(condition, 'type') === 'Progressing')
  const reason = textAt(progressing, 'reason')
  const progressedAt = instantAt(progressing, 'lastUpdateTime')
  const brokenPods = brokenAmong(pods)
  const cannotCreate = cannotCreateOf(deployment)
  const times = {
    ...(progressedAt === undefined ? {} : { progressedAt }),
    ...(cannotCreate === undefined ? {} : { cannotCreate }),
    deadlineMs: deadlineOf(deployment)
  }
  const seen = count('observedGeneration') >= generation
  const moving = (detail: string): Rollout => ({ state: 'moving', seen, detail, available: false, ...times, brokenPods })
  if (!seen) return moving('the controller has not seen the newest spec yet')
  const updated = count('updatedReplicas')
  const swapped = updated >= replicas && count('replicas') <= updated
  const available = swapped && count('availableReplicas') >= updated
  if (swapped && (available || reason === 'NewReplicaSetAvailable')) {
    const completedAt = reason === 'NewReplicaSetAvailable' || progressing === undefined ? progressedAt : undefined
    return {
      state: 'complete',
      seen,
      detail: `${count('availableReplicas')} of ${replicas} available`,
      available,
      ...times,
      ...(completedAt === undefined ? {} : { completedAt }),
      brokenPods
    }
  }
  const exceeded = reason === 'ProgressDeadlineExceeded' || textAt(progressing, 'status') === 'False'
  if (exceeded)
    return {
      state: 'stalled',
      stalledBy: 'deadline',
      seen,
      detail: textAt(progressing, 'message') ?? 'the rollout exceeded its progress deadline',
      available: false,
      ...times,
      brokenPods
    }
  if (updated < replicas) return moving(`${updated} of ${replicas} pods are updated`)
  if (count('replicas') > updated) return moving(`${count('replicas') - updated} old pods are still there`)
  return moving(`${count('availableReplicas')} of ${updated} updated pods are available`)
}
