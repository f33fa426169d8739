/** The labels of a series, with the metric’s name as `__name__`. */
export type Labels = Readonly<Record<string, string>>

export const VERSIONS = ['old', 'new'] as const
export type Version = (typeof VERSIONS)[number]

/** A counter as it was read. */
export interface Series {
  readonly labels: Labels
  readonly value: number
}

/** What one target of one pod answered at one time. A pod that answers without a series has been read: it had no requests yet. */
export interface Scrape {
  /** The uid: addresses are used again, and so are the names of a StatefulSet’s pods. */
  readonly pod: string
  /** When the pod was scraped (not when Prometheus was asked), epoch milliseconds. */
  readonly at: number
  /** Restarts so far of the container that serves. */
  readonly restarts: number
  readonly series: readonly Series[]
}

/** A pod as the cluster knows it. */
export interface SeenPod {
  readonly uid: string
  readonly name: string
  readonly version: Version
  /** Epoch milliseconds. */
  readonly bornAt: number
  /** When it first became Ready; it goes on counting when it is no longer so, for a pod that breaks under load is what is looked for. */
  readonly readyFrom?: number
  /** When its deletion began. What comes later is the shutdown’s doing. */
  readonly deletedAt?: number
  /** Requests per second that are no traffic and that the counters don't tell apart: probes and scrapes, where no label has the path. */
  readonly probesPerSecond?: number
}

/** All that is known at one instant. */
export interface Look {
  /** Epoch milliseconds. */
  readonly at: number
  readonly pods: readonly SeenPod[]
  /** None where the source did not answer. In any order, and with repetitions. */
  readonly scrapes: readonly Scrape[]
}
