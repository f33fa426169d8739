import { hashOf } from './hashes.ts'
import { isObject, type JsonObject, objectAt } from './json.ts'
import type { ObjectRef } from './objects.ts'

/** What Astern read of a target at one moment. Instants are epoch milliseconds in the API server's clock. */
export interface Workload {
  readonly ref: ObjectRef
  readonly uid: string
  readonly generation: number
  readonly resourceVersion: string
  readonly replicas: number
  readonly paused: boolean
  readonly deleting: boolean
  readonly strategy: string
  readonly annotations: Readonly<Record<string, string>>
  /** `/spec/template` exactly as read: the write's precondition tests it. */
  readonly template: JsonObject
  readonly identity: string
  /** When the field manager that owns the template last wrote it. */
  readonly templateManagedAt?: number
  readonly templateManager?: string
  /** Newest first, by revision number. Revisions without a readable number are not listed. */
  readonly revisions: readonly Revision[]
  readonly rollout: Rollout
  readonly pods: readonly PodSummary[]
}

/** One ReplicaSet of a Deployment. */
export interface Revision {
  readonly number: number
  readonly name: string
  readonly identity: string
  readonly template: JsonObject
  readonly createdAt: number
  /** True where the controller took it up again: its creation time is then no sign of recency. */
  readonly reused: boolean
  /** The revision number that it was made as, at `createdAt`; absent where that cannot be told. */
  readonly madeAs?: number
  readonly readyPods: number
}

export interface Rollout {
  readonly state: 'complete' | 'moving' | 'stalled'
  readonly detail: string
  /** Every pod that is wanted is updated and available, right now. */
  readonly available: boolean
  /** `lastUpdateTime` of the `Progressing` condition. */
  readonly progressedAt?: number
  /** When the rollout became complete, as far as the cluster tells; absent while it is not. */
  readonly completedAt?: number
  /** Why new pods cannot run, where they say so (CrashLoopBackOff, ImagePullBackOff, …). */
  readonly brokenPods: readonly string[]
}

export interface PodSummary {
  readonly name: string
  readonly ready: boolean
  readonly current: boolean
  readonly waiting?: string
}

/** Annotations of the template that a restart sets; any tool's. */
const RESTART_ANNOTATION = /\/restartedAt$/
const OWN_ANNOTATION = /^astern\.dev\//

/**
 * The pod template less what does not make it another version: the label `pod-template-hash`, annotations whose name ends
 * in `/restartedAt`, and `astern.dev/…` (rules 2). The one identity for "changed", "bad", "equal", "newest that differs".
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
      labels: keep(metadata['labels'], key => key === 'pod-template-hash'),
      annotations: keep(metadata['annotations'], key => RESTART_ANNOTATION.test(key) || OWN_ANNOTATION.test(key))
    }
  }).slice(0, 16)
}

/** A pod template as it may be written back: without the label that its ReplicaSet added. */
export function templateForWrite(template: JsonObject): JsonObject {
  const metadata = objectAt(template, 'metadata')
  const { 'pod-template-hash': _, ...labels } = objectAt(metadata, 'labels')
  return { ...template, metadata: { ...metadata, labels } }
}

/** What the watch saw of a target: from `at` on it had this template. */
export interface ObservedTemplate {
  readonly uid: string
  readonly identity: string
  readonly at: number
  /** True where Astern saw the moment of the change; false where it found the template already there. */
  readonly seen: boolean
}
