import type { ObjectRef } from '../objects.ts'
import type { Owner } from '../owner.ts'
import type { PatchPlan } from '../plan.ts'
import type { ObservedTemplate, Workload } from '../workload.ts'

/** Why the cluster gave no answer that can be used. */
export type ClusterProblem = 'not-found' | 'forbidden' | 'unreachable'

export type ReadResult =
  | { readonly kind: 'found'; readonly workload: Workload }
  | { readonly kind: ClusterProblem; readonly detail: string }

export type WriteResult =
  | { readonly kind: 'applied'; readonly generation: number; readonly at: number; readonly detail?: string }
  /** A precondition failed (409, 422): read again. */
  | { readonly kind: 'conflict'; readonly detail: string }
  | { readonly kind: 'refused'; readonly detail: string }
  /** Not now: a disruption budget keeps the pod. Nothing was done. */
  | { readonly kind: 'held'; readonly detail: string }
  | { readonly kind: 'forbidden'; readonly detail: string }
  | { readonly kind: 'not-found'; readonly detail: string }
  /** Timeout, broken connection, 5xx: whether it was done must be observed. */
  | { readonly kind: 'unknown'; readonly detail: string }

/** The cluster, as far as a run needs it. */
export interface Cluster {
  /** Reads the target with its history, rollout state and pods. */
  read(target: ObjectRef, signal: AbortSignal): Promise<ReadResult>
  /** Only whether it is there, and as which object; undefined where that cannot be told. */
  uidOf(target: ObjectRef, signal: AbortSignal): Promise<string | undefined>
  /** Who else declares what the target is, and whether they would undo a write. */
  owners(workload: Workload, signal: AbortSignal): Promise<readonly Owner[]>
  /** Sends a plan's patch; with `dryRun`, everything but the storing (`dryRun=All`). */
  write(plan: PatchPlan, options: { readonly intent: string; readonly dryRun: boolean }, signal: AbortSignal): Promise<WriteResult>
  /** The API server's clock less Astern's, in milliseconds; 0 while no difference is proven. */
  clockOffset(): number
}

/** What the watch tells: a target has this template from `at` on. */
export interface ChangeSink {
  observed(target: ObjectRef, template: ObservedTemplate): Promise<void>
}
