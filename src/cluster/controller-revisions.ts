import { instantAt, isObject, type JsonObject, numberAt, objectAt, textAt } from '../base/json.ts'
import type { ObjectRef } from '../domain/objects.ts'
import { countedPods, type PodSummary } from '../domain/pod.ts'
import { type Revision, type Rollout, templateIdentity, type Workload } from '../domain/workload.ts'
import { commonOf, controllerUid, minReadyOf } from './metadata.ts'
import { brokenAmong, toPod } from './pods.ts'
import { rollingOf } from './rolling.ts'

/**
 * The label that names the revision of a pod. For StatefulSets it has the revision's name, for DaemonSets its hash, which a DaemonSet's
 * revision has under the same label. A StatefulSet's has it under another one.
 */
const POD_REVISION = 'controller-revision-hash'
const REVISION_HASH = 'controller.kubernetes.io/hash'

/** Reads a StatefulSet or DaemonSet with its ControllerRevisions and pods. Pure. */
export function toRevisioned(ref: ObjectRef, set: JsonObject, controllerRevisions: readonly unknown[], pods: readonly unknown[]): Workload {
  const common = commonOf(ref, set)
  const owned = controllerRevisions.filter(isObject).filter(revision => controllerUid(revision) === common.uid)
  const revisions = toRevisions(owned)
  const current = new Set(
    owned
      .filter(revision => templateIdentity(templateIn(revision)) === common.identity)
      .flatMap(revision => [
        textAt(revision, 'metadata', 'name'),
        textAt(revision, 'metadata', 'labels', REVISION_HASH),
        textAt(revision, 'metadata', 'labels', POD_REVISION)
      ])
  )
  const names = new Map(
    owned.flatMap(revision => {
      const name = textAt(revision, 'metadata', 'name')
      const labels = [REVISION_HASH, POD_REVISION].map(label => textAt(revision, 'metadata', 'labels', label))
      return [name, ...labels].map(label => [label, name] as const)
    })
  )
  const summaries = pods
    .filter(isObject)
    .filter(pod => controllerUid(pod) === common.uid)
    .map(pod => {
      const label = textAt(pod, 'metadata', 'labels', POD_REVISION)
      const of = names.get(label)
      return toPod(pod, { current: current.has(label), ...(of === undefined ? {} : { of }) })
    })
  const partition = numberAt(set, 'spec', 'updateStrategy', 'rollingUpdate', 'partition')
  const isStateful = ref.kind === 'StatefulSet'
  const replicas = isStateful ? common.replicas : (numberAt(set, 'status', 'desiredNumberScheduled') ?? 0)
  return {
    ...common,
    replicas,
    ...(isStateful ? {} : rollingOf(objectAt(set, 'spec', 'updateStrategy', 'rollingUpdate'), replicas)),
    strategy: textAt(set, 'spec', 'updateStrategy', 'type') ?? 'RollingUpdate',
    ...(partition === undefined || partition === 0 ? {} : { partition }),
    ...minReadyOf(set),
    ...(isStateful ? statefulFields(set) : {}),
    revisions,
    rollout: isStateful ? statefulRollout(set, summaries, partition ?? 0) : daemonRollout(set, summaries),
    pods: summaries
  }
}

/** The template of a revision. `data` is a patch of the set, and its `$patch: replace` is no part of the template. */
function templateIn(revision: JsonObject): JsonObject {
  const { $patch: _, ...template } = objectAt(revision, 'data', 'spec', 'template')
  return template
}

/**
 * The revisions, newest first. A ControllerRevision that is taken up again gets the next number, and nothing shows its number
 * before. So a revision counts as made with its number only if that was the next one among those made before it.
 */
function toRevisions(owned: readonly JsonObject[]): Revision[] {
  const read = owned.flatMap(revision => {
    const number = numberAt(revision, 'revision')
    const createdAt = instantAt(revision, 'metadata', 'creationTimestamp')
    return number === undefined || number < 1 || createdAt === undefined ? [] : [{ revision, number, createdAt }]
  })
  const byAge = [...read].sort((a, b) => a.createdAt - b.createdAt || a.number - b.number)
  return byAge
    .map(({ revision, number, createdAt }, index) => {
      const before = Math.max(0, ...byAge.slice(0, index).map(older => older.number))
      const previous = byAge[index - 1]
      // Of two revisions of one second nothing shows which came first.
      const asMade = number === before + 1 && (previous === undefined || createdAt > previous.createdAt)
      const template = templateIn(revision)
      return {
        number,
        name: textAt(revision, 'metadata', 'name') ?? '',
        identity: templateIdentity(template),
        template,
        createdAt,
        reused: !asMade,
        ...(asMade ? { madeAs: number } : {}),
        readyPods: 0
      }
    })
    .sort((a, b) => b.number - a.number || b.createdAt - a.createdAt)
}

function statefulFields(set: JsonObject): Pick<Workload, 'inOrder' | 'firstOrdinal'> {
  const first = numberAt(set, 'spec', 'ordinals', 'start') ?? 0
  return { inOrder: textAt(set, 'spec', 'podManagementPolicy') !== 'Parallel', ...(first === 0 ? {} : { firstOrdinal: first }) }
}

interface Counts {
  readonly wanted: number
  readonly updated: number
  readonly available: number
  /** How many pods keep an older revision because somebody set a partition. */
  readonly kept: number
  /** Whether the controller itself calls the rollout complete, where it says so. */
  readonly over: boolean
}

/** How far the rollout is (facts B.3). Neither kind reports that a rollout failed. */
function rolloutOf(set: JsonObject, pods: readonly PodSummary[], counts: Counts): Rollout {
  const brokenPods = brokenAmong(pods)
  const strategy = textAt(set, 'spec', 'updateStrategy', 'type') ?? 'RollingUpdate'
  const { wanted, updated, available, kept, over } = counts
  const seen = (numberAt(set, 'status', 'observedGeneration') ?? 0) >= (numberAt(set, 'metadata', 'generation') ?? 0)
  const moving = (detail: string): Rollout => ({ state: 'moving', seen, detail, available: false, brokenPods })
  if (!seen) return moving('the controller has not seen the newest spec yet')
  // With OnDelete no rollout moves. Pods get the new template when somebody deletes them.
  if (strategy !== 'OnDelete' && (updated < wanted - kept || !over))
    return moving(`${updated} of ${wanted - kept} pods are updated, ${available} available`)
  // Nothing says when a rollout was complete. It cannot have been before its last pod was ready, or made where one is not ready now.
  const times = countedPods(pods).flatMap(pod => (pod.current ? [(pod.ready ? pod.readyAt : undefined) ?? pod.createdAt] : []))
  return {
    state: 'complete',
    seen,
    detail: `${available} of ${wanted} available${kept > 0 ? `; partition: ${kept} keep their revision` : ''}`,
    available: available >= wanted,
    ...(times.length === 0 ? {} : { completedAt: Math.max(...times) }),
    brokenPods
  }
}

function statefulRollout(set: JsonObject, pods: readonly PodSummary[], partition: number): Rollout {
  const count = (name: string): number => numberAt(set, 'status', name) ?? 0
  const wanted = numberAt(set, 'spec', 'replicas') ?? 1
  return rolloutOf(set, pods, {
    wanted,
    updated: count('updatedReplicas'),
    available: count('availableReplicas'),
    kept: Math.min(partition, wanted),
    // Once all pods were ready, the status names the new revision as the current one. With a partition it never does.
    over: partition > 0 || textAt(set, 'status', 'updateRevision') === textAt(set, 'status', 'currentRevision')
  })
}

function daemonRollout(set: JsonObject, pods: readonly PodSummary[]): Rollout {
  const count = (name: string): number => numberAt(set, 'status', name) ?? 0
  const wanted = count('desiredNumberScheduled')
  const rollout = rolloutOf(set, pods, {
    wanted,
    updated: count('updatedNumberScheduled'),
    available: count('numberAvailable'),
    kept: 0,
    over: true
  })
  const misplaced = count('numberMisscheduled')
  return { ...rollout, misplaced, mayBeAway: mayBeAway(objectAt(set, 'spec', 'updateStrategy', 'rollingUpdate'), wanted) }
}

/** On how many nodes the pod may be away at a time (`maxUnavailable`: 1, another number, or a share that is rounded up). */
function mayBeAway({ maxUnavailable = 1 }: JsonObject, nodes: number): number {
  const share = /^(\d+)%$/.exec(String(maxUnavailable))
  return share === null ? Number(maxUnavailable) : Math.ceil((Number(share[1]) * nodes) / 100)
}
