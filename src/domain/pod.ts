/** A container that is not ready. `backOff`: why it does not run, where the kubelet waits before it tries again. */
export interface UnreadyContainer {
  readonly name: string
  readonly backOff?: string
}

/** The image that a container of a pod runs. */
export interface RunningImage {
  readonly container: string
  /** As the pod names it. */
  readonly image: string
  /** What that name meant to the node when it began: with a digest. */
  readonly id: string
  /** When the container started. */
  readonly startedAt?: number
}

export interface PodSummary {
  readonly name: string
  readonly uid: string
  readonly ready: boolean
  /** When its readiness last changed. */
  readonly readyAt?: number
  /** True where it has the target's present template. */
  readonly current: boolean
  /** The name of the revision that it is of; absent where nothing tells. */
  readonly of?: string
  /** The images that its containers run, as the node says. */
  readonly images?: readonly RunningImage[]
  readonly waiting?: string
  readonly createdAt: number
  readonly terminating: boolean
  /** True where a controller owns the pod, and makes another one when it is gone. */
  readonly controlled: boolean
  /** True for a static pod of a node. Deleting it at the API server does nothing. */
  readonly mirror: boolean
  readonly ip?: string
  readonly hostNetwork: boolean
  /** True for a pod that ran to its end (`Succeeded`, `Failed`). Its controller does not count it. */
  readonly ended?: true
  readonly node?: string
  readonly unready?: readonly UnreadyContainer[]
  /** Since when all its containers run; absent while one does not. */
  readonly runningSince?: number
  /** How long it may run until it is ready, by what its own probes say, milliseconds. */
  readonly patienceMs?: number
  /** Why it is not started though it has a node, such as ContainerCreating: its volumes, its network or an init container are not there. */
  readonly starting?: string
  /** Why no node takes it, in the scheduler's words. */
  readonly unschedulable?: string
  /** When the time was up that it had to end. */
  readonly goneBy?: number
  readonly finalizers?: readonly string[]
}

/** The pods that their controllers count: a pod on its way out is none of them, nor is one that ran to its end. */
export function countedPods(pods: readonly PodSummary[]): readonly PodSummary[] {
  return pods.filter(pod => !pod.terminating && pod.ended !== true)
}

/** Whether its controller counts a pod as available: ready for `minReadySeconds`. @param now API server's clock */
export function isAvailable(pod: PodSummary, { minReadyMs = 0 }: { readonly minReadyMs?: number }, now: number): boolean {
  return pod.ready && (minReadyMs === 0 || (pod.readyAt !== undefined && now - pod.readyAt >= minReadyMs))
}
