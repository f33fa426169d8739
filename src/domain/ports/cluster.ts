import type { ObjectRef } from '../objects.ts'
import type { Owner } from '../owner.ts'
import type { PatchPlan } from '../plan.ts'
import type { ObservedTemplate, Workload } from '../workload.ts'
import type { Surroundings } from './surroundings.ts'

/** Why the cluster gave no usable answer. */
export type ClusterProblem = 'not-found' | 'forbidden' | 'unreachable'

export type ReadResult =
  | { readonly kind: 'found'; readonly workload: Workload }
  | { readonly kind: ClusterProblem; readonly detail: string; readonly retryAfterMs?: number }

export type WriteResult =
  | {
      readonly kind: 'applied'
      readonly generation: number
      readonly at: number
      readonly detail?: string
      /** What the API server warns of; absent where it warns of nothing. */
      readonly warnings?: readonly string[]
      /** Identity of the pod template that the server answered with, where the object has one. That is what was written (rules 3). */
      readonly left?: string
    }
  | NotApplied
  | FailedTool

/** Why a write was not made, or may not have been made. `src/domain/write-answers.ts` says which answer means which. */
export type NotApplied =
  /** A precondition failed, or somebody wrote at the same moment: the caller must read again. */
  | { readonly kind: 'conflict'; readonly detail: string }
  /** The object that would result is not valid, or the server does not say why it takes none: the caller must read again. */
  | { readonly kind: 'rejected'; readonly detail: string }
  | { readonly kind: 'refused'; readonly detail: string }
  | { readonly kind: 'too-large'; readonly detail: string }
  /** A disruption budget keeps the pod for now. Nothing was done. */
  | { readonly kind: 'held'; readonly detail: string; readonly retryAfterMs?: number }
  /** The server takes no write right now, and says so. Nothing was done. */
  | {
      readonly kind: 'not-now'
      readonly reason: 'cluster-busy' | 'webhook-unreachable'
      readonly detail: string
      readonly retryAfterMs?: number
    }
  | { readonly kind: 'forbidden'; readonly detail: string }
  | { readonly kind: 'not-found'; readonly detail: string }
  /** Timeout, broken connection, 5xx: the caller must observe whether it was done. */
  | { readonly kind: 'unknown'; readonly detail: string; readonly retryAfterMs?: number }

/** The program that makes the write began it and failed. Something may have been written, and only people can mend it. */
export interface FailedTool {
  readonly kind: 'tool-failed'
  /** What the program said, and what it left. */
  readonly detail: string
  /** The command that mends what it left. */
  readonly repair: string
}

/** Whether a kind's objects are in namespaces; undefined where the API does not serve the kind. */
export type ApiScope = boolean | undefined | 'no-answer'

/** What a run needs of the cluster. */
export interface Cluster {
  /** Reads the target with its history, rollout state and pods. */
  read(target: ObjectRef, signal: AbortSignal): Promise<ReadResult>
  /** Finds who else declares what the target is, and whether they would undo a write. */
  owners(workload: Workload, signal: AbortSignal): Promise<readonly Owner[]>
  /** Whether the API keeps objects of the kind in namespaces. */
  isNamespaced(apiVersion: string, kind: string, signal: AbortSignal): Promise<ApiScope>
  /** Sends a plan's patch. With `dryRun` the API server checks it and stores nothing (`dryRun=All`). */
  write(plan: PatchPlan, options: { readonly intent: string; readonly dryRun: boolean }, signal: AbortSignal): Promise<WriteResult>
  /** What is around a target, as far as Astern may look. */
  readonly around: Surroundings
  /** The API server's clock less Astern's, in milliseconds; 0 while no difference is proven. */
  clockOffset(): number
  /** By how much that may be wrong at the most, milliseconds. */
  clockUncertainty(): number
}

/** A target, and the template that it has from an instant on. */
export interface Sighting {
  readonly target: ObjectRef
  readonly template: ObservedTemplate
}

/** Takes what the watch sees. */
export interface ChangeSink {
  /** The target changed while Astern watched. */
  observed(target: ObjectRef, template: ObservedTemplate): Promise<void>
  /** A list has these targets with these templates. Most of them are known from an earlier start. */
  found(sightings: readonly Sighting[]): Promise<void>
}
