import { instantAt, isObject, type JsonObject, listAt, numberAt, objectAt, textAt, textMap } from '../domain/json.ts'
import type { ObjectRef } from '../domain/objects.ts'
import { type PodSummary, type Revision, type Rollout, templateIdentity, type Workload } from '../domain/workload.ts'

const REVISION = 'deployment.kubernetes.io/revision'
const REVISION_HISTORY = 'deployment.kubernetes.io/revision-history'

/** Revisions count from 1; kubectl takes 0 for none. */
const NUMBER = /^[1-9]\d*$/

/** The controller cuts the list of former numbers at its beginning when it grows beyond 2,000 characters. */
const HISTORY_KEPT_WHOLE = 1_900

/** Waiting reasons of containers that will not start by themselves. */
const BROKEN = new Set([
  'CrashLoopBackOff',
  'ImagePullBackOff',
  'ErrImagePull',
  'InvalidImageName',
  'CreateContainerConfigError',
  'CreateContainerError',
  'RunContainerError'
])

/** A Deployment with its ReplicaSets and pods, as far as decisions look at it. Pure. */
export function toWorkload(ref: ObjectRef, deployment: JsonObject, replicaSets: readonly unknown[], pods: readonly unknown[]): Workload {
  const metadata = objectAt(deployment, 'metadata')
  const spec = objectAt(deployment, 'spec')
  const template = objectAt(spec, 'template')
  const uid = textAt(metadata, 'uid') ?? ''
  const identity = templateIdentity(template)
  const owned = replicaSets.filter(isObject).filter(set => controllerUid(set) === uid)
  const revisions = owned.flatMap(set => toRevision(set) ?? []).sort((a, b) => b.number - a.number || b.createdAt - a.createdAt)
  const currentSets = new Set(
    owned.filter(set => templateIdentity(objectAt(set, 'spec', 'template')) === identity).map(set => textAt(set, 'metadata', 'uid'))
  )
  const ownedUids = new Set(owned.map(set => textAt(set, 'metadata', 'uid')))
  const summaries = pods.filter(isObject).flatMap(pod => {
    const controller = controllerUid(pod)
    return controller === undefined || !ownedUids.has(controller) ? [] : [toPod(pod, currentSets.has(controller))]
  })
  const managed = templateManager(metadata)
  return {
    ref,
    uid,
    generation: numberAt(metadata, 'generation') ?? 0,
    resourceVersion: textAt(metadata, 'resourceVersion') ?? '',
    replicas: numberAt(spec, 'replicas') ?? 1,
    paused: spec['paused'] === true,
    deleting: metadata['deletionTimestamp'] !== undefined,
    strategy: textAt(spec, 'strategy', 'type') ?? 'RollingUpdate',
    annotations: textMap(metadata['annotations']),
    template,
    identity,
    ...(managed === undefined ? {} : { templateManagedAt: managed.at, templateManager: managed.manager }),
    revisions,
    rollout: toRollout(deployment, summaries),
    pods: summaries
  }
}

function controllerUid(object: JsonObject): string | undefined {
  const owner = listAt(object, 'metadata', 'ownerReferences').find(reference => isObject(reference) && reference['controller'] === true)
  return textAt(owner, 'uid')
}

function toRevision(set: JsonObject): Revision | undefined {
  const annotations = textMap(objectAt(set, 'metadata')['annotations'])
  const written = annotations[REVISION]
  const createdAt = instantAt(set, 'metadata', 'creationTimestamp')
  if (written === undefined || !NUMBER.test(written) || createdAt === undefined) return undefined
  const template = objectAt(set, 'spec', 'template')
  const history = annotations[REVISION_HISTORY] ?? ''
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

function toPod(pod: JsonObject, current: boolean): PodSummary {
  const statuses = [...listAt(pod, 'status', 'initContainerStatuses'), ...listAt(pod, 'status', 'containerStatuses')]
  const waiting = statuses.flatMap(status => textAt(status, 'state', 'waiting', 'reason') ?? []).find(reason => BROKEN.has(reason))
  const ready = listAt(pod, 'status', 'conditions').some(
    condition => textAt(condition, 'type') === 'Ready' && textAt(condition, 'status') === 'True'
  )
  return { name: textAt(pod, 'metadata', 'name') ?? '', ready, current, ...(waiting === undefined ? {} : { waiting }) }
}

/** The field manager that last wrote a part of the pod template; status writers do not count. */
export function templateManager(metadata: JsonObject): { readonly manager: string; readonly at: number } | undefined {
  const owners = listAt(metadata, 'managedFields')
    .filter(isObject)
    .filter(entry => textAt(entry, 'subresource') === undefined && isObject(objectAt(entry, 'fieldsV1', 'f:spec')['f:template']))
    .flatMap(entry => {
      const at = instantAt(entry, 'time')
      return at === undefined ? [] : [{ manager: textAt(entry, 'manager') ?? '', at }]
    })
  return owners.sort((a, b) => b.at - a.at)[0]
}

/**
 * Where the rollout stands (facts B.3). A finished rollout whose pods fall over later is not moving: the controller keeps
 * the reason `NewReplicaSetAvailable`, and so does this.
 */
function toRollout(deployment: JsonObject, pods: readonly PodSummary[]): Rollout {
  const generation = numberAt(deployment, 'metadata', 'generation') ?? 0
  const status = objectAt(deployment, 'status')
  const count = (name: string): number => numberAt(status, name) ?? 0
  const replicas = numberAt(deployment, 'spec', 'replicas') ?? 1
  const progressing = listAt(status, 'conditions').find(condition => textAt(condition, 'type') === 'Progressing')
  const reason = textAt(progressing, 'reason')
  const progressedAt = instantAt(progressing, 'lastUpdateTime')
  const brokenPods = pods.filter(pod => pod.current).flatMap(pod => (pod.waiting === undefined ? [] : [`${pod.name}: ${pod.waiting}`]))
  const times = progressedAt === undefined ? {} : { progressedAt }
  const moving = (detail: string): Rollout => ({ state: 'moving', detail, available: false, ...times, brokenPods })
  if (count('observedGeneration') < generation) return moving('the controller has not seen the newest spec yet')
  const updated = count('updatedReplicas')
  const swapped = updated >= replicas && count('replicas') <= updated
  const available = swapped && count('availableReplicas') >= updated
  if (swapped && (available || reason === 'NewReplicaSetAvailable')) {
    const completedAt = reason === 'NewReplicaSetAvailable' || progressing === undefined ? progressedAt : undefined
    return {
      state: 'complete',
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
      detail: textAt(progressing, 'message') ?? 'the rollout exceeded its progress deadline',
      available: false,
      ...times,
      brokenPods
    }
  if (brokenPods.length > 0)
    return { state: 'stalled', detail: `new pods cannot run: ${brokenPods.slice(0, 3).join(', ')}`, available: false, ...times, brokenPods }
  if (updated < replicas) return moving(`${updated} of ${replicas} pods are updated`)
  if (count('replicas') > updated) return moving(`${count('replicas') - updated} old pods are still there`)
  return moving(`${count('availableReplicas')} of ${updated} updated pods are available`)
}
