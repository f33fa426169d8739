import { MINUTE } from '../base/clock.ts'
import { hashOf } from '../base/hashes.ts'
import { isObject, type JsonObject, objectAt } from '../base/json.ts'
import type { ObjectRef } from './objects.ts'
import type { PastRelease } from './past-release.ts'
import type { Touched } from './touched.ts'

/** What Astern read of a target at one moment. Instants are epoch milliseconds in the API server's clock. */
export interface Workload {
  readonly ref: ObjectRef
  readonly uid: string
  readonly generation: number
  readonly resourceVersion: string
  readonly replicas: number
  readonly paused: boolean
  readonly deleting: boolean
  /** `RollingUpdate`, `Recreate`, `OnDelete`, `Canary`, `BlueGreen`. */
  readonly strategy: string
  /** How many pods a rolling update may lack, and how many more it may make, as numbers; absent where the object does not say. */
  readonly rolling?: Rolling
  /** StatefulSets: pods with a lower ordinal keep their revision, because somebody set it so. */
  readonly partition?: number
  /** StatefulSets: the ordinal of the first pod; absent for 0. */
  readonly firstOrdinal?: number
  /** StatefulSets: a pod that does not get ready holds up all others (`OrderedReady`). */
  readonly inOrder?: boolean
  /** A pod counts as available once it was ready for so long, milliseconds (`minReadySeconds`); absent for 0. */
  readonly minReadyMs?: number
  /** Argo Rollouts only. */
  readonly canary?: Canary
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  /** The object that controls this one (`ownerReferences`), if any. */
  readonly controller?: { readonly apiVersion: string; readonly kind: string; readonly name: string }
  /** The Helm release that the object names as its own, unless that one is known not to have it. */
  readonly release?: Release
  /** What the release's deployed manifest lists. Absent where Astern does not read contents: its ownership is not confirmed then. */
  readonly releaseLists?: readonly Touched[]
  /** The template was changed past the release, which still declares an earlier one. Absent where that is not sure. */
  readonly pastRelease?: PastRelease
  /** True where the release's namespace is none in which Astern may look. Nothing of it is read then. */
  readonly releaseOutside?: true
  /** Owners that the object's metadata names and that do not have it: a copy's metadata names those of the original. */
  readonly hints?: readonly string[]
  /** The object that holds the template: the workload itself, or the one that an Argo Rollout refers to. */
  readonly templateAt: TemplatePlace
  /** `/spec/template` exactly as read, because the write's precondition tests it. */
  readonly template: JsonObject
  readonly identity: string
  /** Set where the policy ignores parts of templates: by which name it knows each version that the cluster still has. */
  readonly seenAs?: Readonly<Record<string, string>>
  /** When the field manager that owns the template last wrote it. */
  readonly templateManagedAt?: number
  readonly templateManager?: string
  /** True where that manager has nothing of the template but annotations and variables. */
  readonly templateManagerOnlyMarks?: true
  /** Every field manager that has a part of the template, and not only the newest. */
  readonly templateWriters?: readonly TemplateWriter[]
  /** Newest first, by revision number. Revisions without a readable number are not listed. */
  readonly revisions: readonly Revision[]
  readonly rollout: Rollout
  readonly pods: readonly PodSummary[]
}

/** The limits of a rolling update, in pods. */
export interface Rolling {
  readonly maxUnavailable: number
  readonly maxSurge: number
}

/** An object by its API path, and the uid that it must have. */
export interface TemplatePlace {
  readonly path: string
  readonly uid: string
  /** Where in the object the template stands, as a JSON pointer. */
  readonly pointer: string
  /** Whether the object has a map of annotations. A JSON patch can add to a map only where there is one. */
  readonly annotated: boolean
  /** The intent whose annotation the object has. */
  readonly mark?: string
  /** Its owner forbids that it goes back. */
  readonly oneWay?: true
}

/** A field manager that has a part of the template, and the place of its entry in `metadata.managedFields`. */
export interface TemplateWriter {
  readonly manager: string
  readonly index: number
  /** When it last wrote; whole seconds. */
  readonly at?: number
}

/** An Argo Rollout between two versions (facts D.3). */
export interface Canary {
  /** The hashes of the stable ReplicaSet and of the one that is being rolled out. */
  readonly stable: string
  readonly current: string
  readonly aborted: boolean
  readonly phase: string
  readonly message: string
}

/** An operation of Helm that is pending for longer has died. Helm's own default limit is five minutes for each wait (facts C.2). */
export const STUCK_AFTER_MS = 15 * MINUTE

/** A revision of a release that another one replaced. */
export interface EarlierRevision {
  readonly revision: number
  readonly from: number
  readonly to: number
}

/** A Helm release, as the metadata of its Secrets shows it. */
export interface Release {
  readonly name: string
  readonly namespace: string
  /** Absent where there is none, or Astern may not see it; `unseen` then says why. */
  readonly latest?: {
    readonly revision: number
    readonly status: string
    /** When its last operation began. */
    readonly changedAt: number
    readonly finishedAt?: number
    /** The other revisions that were in force once, and when; newest first. Helm can go back to those, and to no other. */
    readonly earlier?: readonly EarlierRevision[]
  }
  readonly unseen?: string
}

/** One ReplicaSet or ControllerRevision: a template that the target has, or had. */
export interface Revision {
  readonly number: number
  readonly name: string
  readonly identity: string
  readonly template: JsonObject
  readonly createdAt: number
  /** True where the controller took it up again, or may have. Its creation time then does not show how new it is. */
  readonly reused: boolean
  /** The revision number that it had when it was made, at `createdAt`; absent where nothing shows it. */
  readonly madeAs?: number
  readonly readyPods: number
}

export interface Rollout {
  readonly state: 'complete' | 'moving' | 'stalled'
  /** Whether the controller has seen the newest spec. */
  readonly seen: boolean
  readonly detail: string
  /** Every pod that is wanted is updated and available, right now. */
  readonly available: boolean
  /** `lastUpdateTime` of the `Progressing` condition. */
  readonly progressedAt?: number
  /** When the rollout became complete, as far as the cluster shows it. For a canary: when it got as far as it is. */
  readonly completedAt?: number
  /** Which new pods are in back-off at this look, and why (CrashLoopBackOff, ImagePullBackOff, …). One look alone proves nothing. */
  readonly brokenPods: readonly string[]
  /** Why its controller cannot make pods, in the API server's words. */
  readonly cannotCreate?: string
  /**
   * Deployments: after so long without progress its controller gives it up, milliseconds; 0 where somebody turned that off. A pod that
   * gets ready again and again counts as progress there.
   */
  readonly deadlineMs?: number
  /** DaemonSets: on so many nodes at a time the controller lets the pod be away. */
  readonly mayBeAway?: number
  /** DaemonSets: on so many nodes there is a pod that should not be there. */
  readonly misplaced?: number
  /** DaemonSets: the nodes that do not let their pod go, and how many of them count among those that should have one. */
  readonly silentNodes?: readonly string[]
  readonly silentWanted?: number
  /**
   * By what it stalled. `deadline`: its controller says so. `pods`: its new pods cannot run. `node`: a node does not let its pod go.
   * `time`: it did not get on for too long.
   */
  readonly stalledBy?: 'deadline' | 'pods' | 'node' | 'time'
  /** True where no write of the template would get it going again. */
  readonly stuck?: true
  /** What holds it up, in words that stay the same while it does. It is a part of `detail`. */
  readonly cause?: string
  /** When a look can tell more than this one, Astern's clock. */
  readonly lookAgainAt?: number
}

/** A container that is not ready. `backOff`: why it does not run, where the kubelet waits before it tries again. */
export interface UnreadyContainer {
  readonly name: string
  readonly backOff?: string
}

/** The image that a container of a pod runs. */
export interface RunningImage {
  readonly container: string
  /** As the pod names it. */
  readonly image: string
  /** What that name meant to the node when it began: with a digest. */
  readonly id: string
  /** When the container started. */
  readonly startedAt?: number
}

export interface PodSummary {
  readonly name: string
  readonly uid: string
  readonly ready: boolean
  /** When its readiness last changed. */
  readonly readyAt?: number
  /** True where it has the target's present template. */
  readonly current: boolean
  /** The name of the revision that it is of; absent where nothing tells. */
  readonly of?: string
  /** The images that its containers run, as the node says. */
  readonly images?: readonly RunningImage[]
  readonly waiting?: string
  readonly createdAt: number
  readonly terminating: boolean
  /** True where a controller owns the pod, and makes another one when it is gone. */
  readonly controlled: boolean
  /** True for a static pod of a node. Deleting it at the API server does nothing. */
  readonly mirror: boolean
  readonly ip?: string
  readonly hostNetwork: boolean
  /** True for a pod that ran to its end (`Succeeded`, `Failed`). Its controller does not count it. */
  readonly ended?: true
  readonly node?: string
  readonly unready?: readonly UnreadyContainer[]
  /** Since when all its containers run; absent while one does not. */
  readonly runningSince?: number
  /** How long it may run until it is ready, by what its own probes say, milliseconds. */
  readonly patienceMs?: number
  /** Why it is not started though it has a node, such as ContainerCreating: its volumes, its network or an init container are not there. */
  readonly starting?: string
  /** Why no node takes it, in the scheduler's words. */
  readonly unschedulable?: string
  /** When the time was up that it had to end. */
  readonly goneBy?: number
  readonly finalizers?: readonly string[]
}

/** The pods that their controllers count: a pod on its way out is none of them, nor is one that ran to its end. */
export function countedPods(pods: readonly PodSummary[]): readonly PodSummary[] {
  return pods.filter(pod => !pod.terminating && pod.ended !== true)
}

/** Whether its controller counts a pod as available: ready for `minReadySeconds`. @param now API server's clock */
export function isAvailable(pod: PodSummary, { minReadyMs = 0 }: Pick<Workload, 'minReadyMs'>, now: number): boolean {
  return pod.ready && (minReadyMs === 0 || (pod.readyAt !== undefined && now - pod.readyAt >= minReadyMs))
}

/** The labels by which controllers distinguish the pods of their ReplicaSets. */
const HASH_LABELS: ReadonlySet<string> = new Set(['pod-template-hash', 'rollouts-pod-template-hash'])

/** Annotations of the template that a restart sets, whichever tool makes it. */
const RESTART_ANNOTATION = /\/restartedAt$/
const OWN_ANNOTATION = /^astern\.dev\//

/** Whether an annotation or a label of a template makes no other version, whoever sets it. */
export function isOwnMark(kind: 'annotation' | 'label', name: string): boolean {
  return kind === 'label' ? HASH_LABELS.has(name) : RESTART_ANNOTATION.test(name) || OWN_ANNOTATION.test(name)
}

/**
 * The identity of a pod template. It leaves out what does not make another version: the label `pod-template-hash`, annotations
 * whose name ends in `/restartedAt`, and `astern.dev/…` (rules 2). All that asks for "changed", "bad" or "equal" goes by it.
 */
export function templateIdentity(template: JsonObject): string {
  const metadata = objectAt(template, 'metadata')
  const keep = (map: unknown, drop: (key: string) => boolean): JsonObject | undefined => {
    if (!isObject(map)) return undefined
    const kept = Object.fromEntries(Object.entries(map).filter(([key]) => !drop(key)))
    return Object.keys(kept).length === 0 ? undefined : kept
  }
  const { creationTimestamp: _, ...rest } = metadata
  return hashOf({
    ...template,
    metadata: {
      ...rest,
      labels: keep(metadata['labels'], key => isOwnMark('label', key)),
      annotations: keep(metadata['annotations'], key => isOwnMark('annotation', key))
    }
  }).slice(0, 16)
}

/** A pod template as it may be written back: without the label that its ReplicaSet added. */
export function templateForWrite(template: JsonObject): JsonObject {
  const metadata = objectAt(template, 'metadata')
  const labels = Object.fromEntries(Object.entries(objectAt(metadata, 'labels')).filter(([key]) => !HASH_LABELS.has(key)))
  return { ...template, metadata: { ...metadata, labels } }
}

/** One thing that the watch saw of a target: from `at` on it had this template. */
export interface ObservedTemplate {
  readonly uid: string
  readonly identity: string
  readonly at: number
  /** True where Astern saw the change happen, false where it found the template already there. */
  readonly seen: boolean
}
