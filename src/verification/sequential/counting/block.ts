import type { Pair } from '../tally.ts'
import type { Version } from './scrape.ts'

/** A closed stretch of time: only closed blocks are ever tested. */
export interface Block {
  /** Epoch milliseconds. */
  readonly from: number
  readonly to: number
  /** One pair a part, in the order of the counters’ parts. */
  readonly parts: readonly Pair[]
  /** Pods whose counts are in it, one entry a part: a pod that is still warming up, or has no such bucket, tells nothing of a latency. */
  readonly pods: readonly Readonly<Record<Version, number>>[]
  /** Seconds for which pods were Ready, added up over the pods. */
  readonly readySeconds: Readonly<Record<Version, number>>
  /** Requests among them that are probes by the pods’ specs. */
  readonly probes: Readonly<Record<Version, number>>
}
