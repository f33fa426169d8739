import type { GuardedPod } from '../../../domain/guarded-pod.ts'
import type { Counter } from './counter.ts'
import type { Labels, Scrape } from './scrape.ts'

/** What a source said. Where it said nothing, the closed reason why. */
export type Said<Value> =
  | { readonly kind: 'said'; readonly value: Value }
  | {
      readonly kind: 'unsaid'
      readonly because: 'unreachable' | 'rejected' | 'too-much' | 'ambiguous' | 'forbidden'
      readonly detail: string
    }

export interface Wanted {
  readonly pods: readonly GuardedPod[]
  readonly counters: readonly Counter[]
  /** What was scraped after the one and up to the other instant, epoch milliseconds, Astern's clock. */
  readonly from: number
  readonly to: number
}

/** Where counters of pods are read. */
export interface NumberSource {
  /** For people: `Prometheus`, `the pods themselves`. */
  readonly name: string
  /** The labels of all series that these pods have of these metrics now: by them it is chosen what is counted. */
  labels(pods: readonly GuardedPod[], metrics: readonly string[], signal: AbortSignal): Promise<Said<readonly Labels[]>>
  /** How often each pod is scraped, seconds. */
  interval(pods: readonly GuardedPod[], signal: AbortSignal): Promise<Said<number>>
  /** The counters as they were scraped, each with the instant of its scrape. */
  scrapes(wanted: Wanted, signal: AbortSignal): Promise<Said<readonly Scrape[]>>
}
