import type { GuardedPod } from '../guarded-pod.ts'
import type { ObjectRef } from '../objects.ts'
import type { Workload } from '../workload.ts'

/**
 * A workload and its pods at one moment, as a deploy guard needs them. Who else declares the workload (its Helm release) is not looked up:
 * a guard looks every few seconds, and only a write has to know.
 */
export type GuardedLook =
  | { readonly kind: 'found'; readonly workload: Workload; readonly pods: readonly GuardedPod[] }
  | { readonly kind: 'not-found' | 'forbidden' | 'unreachable'; readonly detail: string }

/** What a deploy guard needs of the cluster. It only reads. */
export interface GuardedCluster {
  /** @param identity the version that is judged: pods that have it are new, all others old. Undefined: the one that the workload has now */
  look(target: ObjectRef, identity: string | undefined, signal: AbortSignal): Promise<GuardedLook>
}
