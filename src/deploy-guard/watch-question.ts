import type { DeployGuardOptions, JudgedVersion } from '../domain/deploy-guard.ts'
import type { GuardedPod } from '../domain/guarded-pod.ts'
import type { ObjectRef } from '../domain/objects.ts'
import type { NumberSource } from '../verification/sequential/counting/number-source.ts'
import type { LearnedParts } from '../verification/sequential/learning.ts'

/** What a watch is prepared from. */
export interface WatchQuestion {
  readonly target: ObjectRef
  readonly version: JudgedVersion
  readonly options: DeployGuardOptions
  readonly pods: readonly GuardedPod[]
  /** In the order in which they are asked. Made for this guard alone: a source remembers how the pods are found. */
  readonly sources: readonly NumberSource[]
  readonly learned: LearnedParts
  /** Epoch milliseconds. */
  readonly now: number
}
