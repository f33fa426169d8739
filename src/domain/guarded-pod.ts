/** A container's port, as the pod declares it. */
export interface DeclaredPort {
  readonly name?: string
  readonly port: number
}

/** A request that the kubelet makes by itself. */
export interface DeclaredProbe {
  /** Of an HTTP probe. */
  readonly path?: string
  readonly periodSeconds: number
}

/**
 * A pod of a workload that a deploy guard watches: what the judge counts it by, and what a source of numbers needs in order to read
 * it. Instants are epoch milliseconds, Astern's clock.
 */
export interface GuardedPod {
  readonly uid: string
  readonly name: string
  readonly namespace: string
  /** Whether it has the template that is judged, or another one. */
  readonly version: 'old' | 'new'
  readonly bornAt: number
  /** When it first became Ready; it stays when the pod is no longer so. */
  readonly readyFrom?: number
  /** When its deletion began. */
  readonly deletedAt?: number
  readonly ip?: string
  /** Of all its containers together. */
  readonly restarts: number
  readonly annotations: Readonly<Record<string, string>>
  readonly ports: readonly DeclaredPort[]
  readonly probes: readonly DeclaredProbe[]
}
