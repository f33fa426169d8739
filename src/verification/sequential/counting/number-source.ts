import type { GuardedPod } from '../../../domain/guarded-pod.ts'
import type { ObjectRef } from '../../../domain/objects.ts'
import type { Tally } from '../tally.ts'
import type { Counter } from './counter.ts'
import type { SlowShare } from './latency.ts'
import type { Labels, Scrape } from './scrape.ts'

/** Why a source did not say what it was asked. A closed set. */
export const UNSAID = {
  unreachable: 'it could not be reached, or was not ready',
  rejected: 'it rejected the question',
  'too-much': 'there is more than Astern reads at a time',
  ambiguous: 'its answer is not whole, or may mean several things',
  forbidden: 'it does not let Astern ask'
} as const
export type Unsaid = keyof typeof UNSAID

/** What a source said. Where it said nothing, the closed reason why. */
export type Said<Value> =
  | { readonly kind: 'said'; readonly value: Value }
  | { readonly kind: 'unsaid'; readonly because: Unsaid; readonly detail: string }

/** What was counted of a pod already. */
export interface CountedBefore {
  readonly restarts: number
  /** Up to when its scrapes were counted, and every fall in them was explained; absent: it was not read yet. Epoch milliseconds. */
  readonly explainedTo?: number
}

export interface Wanted {
  readonly pods: readonly GuardedPod[]
  readonly counters: readonly Counter[]
  /** What was scraped after the one and up to the other instant, epoch milliseconds, Astern's clock. */
  readonly from: number
  readonly to: number
  /**
   * What was counted of each pod (by uid) already. A source that brings several scrapes of a pod tells by this which of them came after
   * a restart. Absent, or for a pod that is not in it: no restart is newer than the scrapes.
   */
  readonly countedBefore?: Readonly<Record<string, CountedBefore>>
}

/** Where counters of pods are read. One for each guard: a source may remember how this guard's pods are found. */
export interface NumberSource {
  /** For people: `Prometheus`, `the pods themselves`. */
  readonly name: string
  /**
   * The labels of all series that these pods have of these metrics now: by them it is chosen what is counted. A classic histogram is
   * asked for by the name of its buckets (`…_bucket`), a native one by its own name, and its series have no `le`.
   */
  labels(pods: readonly GuardedPod[], metrics: readonly string[], signal: AbortSignal): Promise<Said<readonly Labels[]>>
  /** How often each pod is scraped, seconds. */
  interval(pods: readonly GuardedPod[], signal: AbortSignal): Promise<Said<number>>
  /** The counters as they were scraped, each with the instant of its scrape. */
  scrapes(wanted: Wanted, signal: AbortSignal): Promise<Said<readonly Scrape[]>>
  /** How the pods' series are found, in sentences; for people, once `labels` was answered. */
  said?(): readonly string[]
  /** What was counted before the deploy, where the source keeps it. */
  readonly past?: PastNumbers
}

export interface PastQuestion {
  readonly target: ObjectRef
  /** The pods that are known now: where no label has a pod's name, they are found by their addresses. */
  readonly pods: readonly GuardedPod[]
  /** Epoch milliseconds, Astern's clock. */
  readonly from: number
  readonly to: number
}

/** What each pod did in equally long stretches, oldest first: `rows[stretch][pod][part]`, the parts in the order of the counters'. */
export interface PastTallies {
  readonly seconds: number
  readonly rows: readonly (readonly (readonly Tally[])[])[]
}

/** What a source kept of all pods that a workload had, of any version. */
export interface PastNumbers {
  /** No rows where nothing was kept of that time. */
  tallies(
    question: PastQuestion & { readonly counters: readonly Counter[]; readonly stepSeconds: number },
    signal: AbortSignal
  ): Promise<Said<PastTallies>>
  /** Which share of the requests was slower than each boundary of a histogram. */
  slowShares(
    question: PastQuestion & { readonly metric: string; readonly probePaths?: readonly string[] },
    signal: AbortSignal
  ): Promise<Said<readonly SlowShare[]>>
  /** Pods of the old version that served at `from`, the deploy, and are gone from the cluster at `to`. */
  goneOldPods(question: PastQuestion, signal: AbortSignal): Promise<Said<readonly GuardedPod[]>>
}
