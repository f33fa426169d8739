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

/** How one container of a pod gets on. */
export interface GuardedContainer {
  readonly name: string
  /** True for one that has to end before the others begin. */
  readonly init?: true
  readonly restarts: number
  /** Why it does not run: `CrashLoopBackOff`, `ErrImagePull`, …, and what the node says to it. */
  readonly waiting?: { readonly reason: string; readonly message: string }
  /** How it ended the last time. */
  readonly ended?: { readonly at?: number; readonly reason: string; readonly exitCode?: number }
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
  /**
   * When it first became Ready; it stays when the pod is no longer so. One look shows only when its readiness last changed: of a pod
   * that became Ready again, or is so no longer, the first time is known from earlier looks (`rememberPods`).
   */
  readonly readyFrom?: number
  /** When its deletion began, or when it ended by itself. */
  readonly deletedAt?: number
  /** Its own address; none for a pod with its node's. */
  readonly ip?: string
  /** Of all its containers together. */
  readonly restarts: number
  /** Those by which scrapers are told where to read it (`prometheus.io/…`). */
  readonly annotations: Readonly<Record<string, string>>
  readonly ports: readonly DeclaredPort[]
  /** Those that go on while it runs (readiness and liveness), and are requests (HTTP and gRPC). */
  readonly probes: readonly DeclaredProbe[]
  /** Absent where nobody looked at them one by one. */
  readonly containers?: readonly GuardedContainer[]
}
