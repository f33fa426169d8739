import type { DeployGuardOptions, JudgedVersion } from '../domain/deploy-guard.ts'
import type { GuardMetrics } from '../domain/guard-metrics.ts'
import type { GuardedPod } from '../domain/guarded-pod.ts'
import type { ObjectRef } from '../domain/objects.ts'
import type { NumberSource } from '../verification/sequential/counting/number-source.ts'
import type { LearnedParts } from '../verification/sequential/learning.ts'
import type { ProxyNumbers } from '../verification/series/proxy-numbers.ts'

/** What a watch is prepared from. */
export interface WatchQuestion {
  readonly target: ObjectRef
  readonly version: JudgedVersion
  readonly options: DeployGuardOptions
  readonly pods: readonly GuardedPod[]
  /** In the order in which they are asked. Made for this guard alone: a source remembers how the pods are found. */
  readonly sources: readonly NumberSource[]
  /** What is asked of the metrics that are not counted pod by pod. */
  readonly asked: GuardMetrics
  /** Where they are read; absent without a Prometheus. */
  readonly proxies: ProxyNumbers | undefined
  readonly learned: LearnedParts
  /** Epoch milliseconds. */
  readonly now: number
}
