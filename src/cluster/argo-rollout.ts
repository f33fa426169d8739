import { instantAt, isObject, type JsonObject, listAt, numberAt, objectAt, textAt } from '../base/json.ts'
import { collectionPath, type ObjectRef } from '../domain/objects.ts'
import type { PodSummary } from '../domain/pod.ts'
import { type Revision, type Rollout, templateForWrite, type Workload } from '../domain/workload.ts'
import { isObjectName } from '../templates/object-name.ts'
import { cannotCreateOf, revisionsOf, setsOf } from './deployment.ts'
import { commonOf, minReadyOf } from './metadata.ts'
import { brokenAmong, podsOf } from './pods.ts'

const REVISION = 'rollout.argoproj.io/revision'
const REVISION_HISTORY = 'rollout.argoproj.io/revision-history'
const HASH = 'rollouts-pod-template-hash'

/** The path of the object whose template a Rollout uses; undefined where it has its own, or refers to a kind that is not known. */
export function templateHolder(rollout: JsonObject, namespace: string): string | undefined {
  const reference = objectAt(rollout, 'spec', 'workloadRef')
  const name = textAt(reference, 'name')
  // The Rollout's own schema takes any text for a name, and `..` would leave the path.
  if (name === undefined || !isObjectName('name', name)) return undefined
  switch (textAt(reference, 'kind')) {
    case 'Deployment':
      return `${collectionPath('Deployment', namespace)}/${encodeURIComponent(name)}`
    case 'ReplicaSet':
      return `/apis/apps/v1/namespaces/${encodeURIComponent(namespace)}/replicasets/${encodeURIComponent(name)}`
    case 'PodTemplate':
      return `/api/v1/namespaces/${encodeURIComponent(namespace)}/podtemplates/${encodeURIComponent(name)}`
    default:
      return undefined
  }
}

/** Reads an Argo Rollout with its ReplicaSets and pods (facts D.3). Pure. */
export function toArgoRollout(
  ref: ObjectRef,
  object: JsonObject,
  holder: { readonly path: string; readonly object: JsonObject } | undefined,
  { replicaSets, pods }: { readonly replicaSets: readonly unknown[]; readonly pods: readonly unknown[] }
): Workload {
  const common = commonOf(ref, object, holder)
  const { owned } = setsOf(common.uid, '', replicaSets, pods)
  const hashOfSet = (set: JsonObject): string => textAt(set, 'metadata', 'labels', HASH) ?? ''
  // The API server fills in defaults in the template of a ReplicaSet, but not in that of a Rollout. So the two are compared by
  // whether one contains the other, and the identity of a version is the hash that the controller gave its ReplicaSet, which is
  // also the only one that the watch sees.
  const current = owned.find(set => includes(objectAt(set, 'spec', 'template'), templateForWrite(common.template)))
  const identity = current === undefined ? common.identity : hashOfSet(current)
  const hashes = new Map(owned.map(set => [textAt(set, 'metadata', 'name'), hashOfSet(set)]))
  const revisions: Revision[] = revisionsOf(owned, REVISION, REVISION_HISTORY).map(revision => ({
    ...revision,
    identity: hashes.get(revision.name) ?? revision.identity
  }))
  const summaries = podsOf(pods, {
    owned: new Set(owned.map(set => textAt(set, 'metadata', 'uid'))),
    current: new Set(owned.filter(set => hashOfSet(set) === identity).map(set => textAt(set, 'metadata', 'uid')))
  })
  const status = objectAt(object, 'status')
  return {
    ...common,
    identity,
    ...minReadyOf(object),
    strategy: isObject(objectAt(object, 'spec', 'strategy')['blueGreen']) ? 'BlueGreen' : 'Canary',
    canary: {
      stable: textAt(status, 'stableRS') ?? '',
      current: textAt(status, 'currentPodHash') ?? '',
      aborted: status['abort'] === true || textAt(status, 'abortedAt') !== undefined,
      phase: textAt(status, 'phase') ?? '',
      message: textAt(status, 'message') ?? ''
    },
    revisions,
    rollout: toRollout(object, holder?.object, summaries),
    pods: summaries
  }
}

/** The template identity of a Rollout that the watch sent: the ReplicaSet's hash, once the controller has seen the spec. */
export function watchedIdentity(rollout: JsonObject): string | undefined {
  if (!isSeen(rollout, undefined)) return undefined
  return textAt(rollout, 'status', 'currentPodHash')
}

/** Whether the controller has seen the newest spec. In a Rollout `observedGeneration` is a string. */
function isSeen(rollout: JsonObject, holder: JsonObject | undefined): boolean {
  const seen = textAt(rollout, 'status', 'observedGeneration') === String(numberAt(rollout, 'metadata', 'generation') ?? 0)
  if (!seen || holder === undefined) return seen
  return textAt(rollout, 'status', 'workloadObservedGeneration') === String(numberAt(holder, 'metadata', 'generation') ?? 0)
}

function toRollout(object: JsonObject, holder: JsonObject | undefined, pods: readonly PodSummary[]): Rollout {
  const status = objectAt(object, 'status')
  const count = (name: string): number => numberAt(status, name) ?? 0
  const wanted = numberAt(object, 'spec', 'replicas') ?? 1
  const brokenPods = brokenAmong(pods)
  const progressing = listAt(status, 'conditions').find(condition => textAt(condition, 'type') === 'Progressing')
  const progressedAt = instantAt(progressing, 'lastUpdateTime')
  const seen = isSeen(object, holder)
  const cannotCreate = cannotCreateOf(object)
  const base = {
    seen,
    brokenPods,
    ...(progressedAt === undefined ? {} : { progressedAt }),
    ...(cannotCreate === undefined ? {} : { cannotCreate })
  }
  if (!seen) return { ...base, state: 'moving', detail: 'the controller has not seen the newest spec yet', available: false }
  const phase = textAt(status, 'phase') ?? ''
  const message = textAt(status, 'message') ?? ''
  const promoted = textAt(status, 'stableRS') === textAt(status, 'currentPodHash')
  const available = promoted && count('availableReplicas') >= wanted && count('updatedReplicas') >= wanted
  const times = pods.filter(pod => pod.current).flatMap(pod => pod.readyAt ?? [])
  const soFar = times.length === 0 ? {} : { completedAt: Math.max(...times) }
  if (promoted && (phase === 'Healthy' || available))
    return {
      ...base,
      state: 'complete',
      detail: `${count('availableReplicas')} of ${wanted} available`,
      available,
      ...soFar
    }
  if (phase === 'Degraded') return { ...base, state: 'stalled', stalledBy: 'deadline', detail: message, available: false }
  return {
    ...base,
    ...soFar,
    state: 'moving',
    detail: `${phase}: step ${count('currentStepIndex')}${message === '' ? '' : `, ${message}`}`,
    available: false
  }
}

/** Whether `whole` contains all that is in `part` (Kubernetes' DeepDerivative). It may contain more. */
function includes(whole: unknown, part: unknown): boolean {
  if (part === null || part === undefined || part === '' || part === 0 || part === false) return true
  if (Array.isArray(part))
    return (
      part.length === 0 ||
      (Array.isArray(whole) && whole.length === part.length && part.every((item, index) => includes(whole[index], item)))
    )
  if (isObject(part)) return isObject(whole) && Object.entries(part).every(([key, value]) => includes(whole[key], value))
  return quantity(whole) === quantity(part)
}

/** Whether two quantities are the same amount: the API server may write `0.5` as `500m`. */
function quantity(value: unknown): unknown {
  const found = /^(\d+(?:\.\d+)?)(m|)$/.exec(String(value))
  return found === null ? value : Number(found[1]) * (found[2] === 'm' ? 1 : 1_000)
}
