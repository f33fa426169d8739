import { MINUTE } from '../base/clock.ts'
import type { GuardedPod } from '../domain/guarded-pod.ts'

/** What one look forgets and a deploy guard needs: when a pod was first Ready, and pods that are gone. Plain JSON. */
export interface PodMemory {
  /** The last look, epoch milliseconds, Astern's clock. */
  readonly at: number
  readonly pods: Readonly<Record<string, RememberedPod>>
}

interface RememberedPod extends Pick<GuardedPod, 'name' | 'namespace' | 'version' | 'bornAt' | 'readyFrom' | 'deletedAt' | 'restarts'> {
  /** The last look that had it. */
  readonly seenAt: number
}

export const NO_PODS: PodMemory = { at: 0, pods: {} }

/** What a source tells of a gone pod comes within so long: scrapes may be a minute apart, and late. */
const GONE_KEPT_MS = 5 * MINUTE
/** A rollout of more pods than that within five minutes loses the last seconds of those that went first. */
const GONE_KEPT = 2_000

/**
 * Takes a look. Answers with its pods as they have been all along, and with those that are gone since: a pod that is Ready again, or no
 * longer so, was first Ready when an earlier look said so; one that is gone was deleted after the last look that had it.
 */
export function rememberPods(
  memory: PodMemory,
  look: { readonly at: number; readonly pods: readonly GuardedPod[] }
): { readonly memory: PodMemory; readonly pods: readonly GuardedPod[] } {
  const present = look.pods.map(pod => sinceFirst(pod, memory.pods[pod.uid]))
  const uids = new Set(present.map(({ uid }) => uid))
  const gone = Object.entries(memory.pods)
    .filter(([uid, { seenAt }]) => !uids.has(uid) && look.at - seenAt <= GONE_KEPT_MS)
    .sort(([, a], [, b]) => b.seenAt - a.seenAt)
    .slice(0, GONE_KEPT)
  // A look that comes late knows less than the one before.
  const isLate = look.at < memory.at
  return {
    memory: {
      at: Math.max(look.at, memory.at),
      pods: Object.fromEntries([...gone, ...present.map(pod => [pod.uid, remembered(pod, look.at)] as const)])
    },
    pods: [...present, ...(isLate ? [] : gone.map(([uid, pod]) => goneNow(uid, pod)))]
  }
}

/** What was seen first holds: later looks show the last change, and the two clocks are never compared to the millisecond. */
function sinceFirst(pod: GuardedPod, known: RememberedPod | undefined): GuardedPod {
  if (known === undefined) return pod
  const readyFrom = known.readyFrom ?? pod.readyFrom
  const deletedAt = known.deletedAt ?? pod.deletedAt
  return {
    ...pod,
    bornAt: known.bornAt,
    ...(readyFrom === undefined ? {} : { readyFrom }),
    ...(deletedAt === undefined ? {} : { deletedAt }),
    // A node that lost its containers counts from zero again.
    restarts: Math.max(known.restarts, pod.restarts)
  }
}

function remembered({ name, namespace, version, bornAt, readyFrom, deletedAt, restarts }: GuardedPod, seenAt: number): RememberedPod {
  return {
    name,
    namespace,
    version,
    bornAt,
    ...(readyFrom === undefined ? {} : { readyFrom }),
    ...(deletedAt === undefined ? {} : { deletedAt }),
    restarts,
    seenAt
  }
}

/** Its deletion began after the last look that had it; what it did since then may be its shutdown's doing. */
function goneNow(uid: string, { seenAt, ...pod }: RememberedPod): GuardedPod {
  return { uid, ...pod, deletedAt: pod.deletedAt ?? seenAt, annotations: {}, ports: [], probes: [] }
}
