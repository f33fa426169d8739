import { MINUTE, SECOND } from '../base/clock.ts'
import type { GuardedContainer, GuardedPod } from '../domain/guarded-pod.ts'
import type { PodAndSummary } from './pod-troubles.ts'
import { type Trouble, troublesOf } from './pod-troubles.ts'

/** What is remembered of the looks so far. Plain JSON. */
export interface FailFastState {
  /** When each trouble of a new container was first and last seen, epoch milliseconds, by pod, container and trouble. */
  readonly seen: Readonly<Record<string, { readonly firstAt: number; readonly lastAt: number }>>
  /** Restarts of each container at the first look that had it, and at the first look after its pod was Ready. */
  readonly restarts: Readonly<Record<string, { readonly first: number; readonly ready?: number }>>
}

export const NOTHING_SEEN: FailFastState = { seen: {}, restarts: {} }

/** As many restarts of one container are no accident. */
export const RESTARTS = 2
/** The same container fails at two looks that are so far apart (rules 5). */
const TWICE_MS = 30 * SECOND
/** The longest back-off of the kubelet. What is not seen again within it is over. */
const FORGOTTEN_MS = 5 * MINUTE
/** Some containers restart until what they need is there, such as a mesh's proxy: their last restart comes soon. */
const STARTING_MS = 2 * MINUTE

/** Notes what a look shows. */
export function remember(
  state: FailFastState,
  at: number,
  { fresh, alive }: { readonly fresh: readonly PodAndSummary[]; readonly alive: readonly PodAndSummary[] }
): FailFastState {
  return { seen: sightings(state, at, fresh), restarts: restartsSeen(state, alive) }
}

/** Whether what is seen at this look was seen long enough before. */
export function isSeenTwice({ seen }: FailFastState, at: number, key: string): boolean {
  const known = seen[key]
  return known !== undefined && known.lastAt === at && at - known.firstAt >= TWICE_MS
}

/** By what a trouble is known again. */
export function keyOf(uid: string, trouble: Exclude<Trouble, { readonly kind: 'unschedulable' }>): string {
  return `${uid}/${trouble.container}/${trouble.kind}`
}

/** By what the restarts of a container are known again. */
export function restartsKey(uid: string, { name }: Pick<GuardedContainer, 'name'>): string {
  return `${uid}/${name}/restarts`
}

/** The container's restarts that are known of. */
export function knownRestarts({ restarts }: FailFastState, uid: string, { name }: Pick<GuardedContainer, 'name'>) {
  return restarts[`${uid}/${name}`]
}

/** How often an old pod's container restarted since the deploy. @param changedAt when that was, Astern's clock */
export function restartsSince(state: FailFastState, changedAt: number, { uid }: GuardedPod, container: GuardedContainer): number {
  const since = container.restarts - (knownRestarts(state, uid, container)?.first ?? container.restarts)
  // A restart between the deploy and the first look shows only in when it last ended.
  return since > 0 ? since : container.restarts > 0 && (container.ended?.at ?? 0) >= changedAt ? 1 : 0
}

/** Whether an old pod's container restarted as often when its pod began. */
export function beganSo({ bornAt }: GuardedPod, { restarts, ended }: GuardedContainer): boolean {
  return restarts >= RESTARTS && ended?.at !== undefined && ended.at - bornAt <= STARTING_MS
}

/** Whether a pod is young enough that what is wrong with it may be its beginning. */
export function isBeginning({ bornAt }: GuardedPod, at: number): boolean {
  return at - bornAt <= STARTING_MS
}

/** A pull that fails for a passing reason meanwhile begins anew. */
function sightings({ seen }: FailFastState, at: number, fresh: readonly PodAndSummary[]): FailFastState['seen'] {
  const now = new Set<string>()
  const over = new Set<string>()
  for (const one of fresh) {
    const { uid, containers = [] } = one.pod
    for (const trouble of troublesOf(one)) {
      if (trouble.kind === 'crash-loop') now.add(keyOf(uid, trouble))
      if (trouble.kind !== 'pull') continue
      const key = keyOf(uid, trouble)
      if (trouble.problem === 'passing') over.add(key)
      // Back in its back-off, an older kubelet says no cause: the one that it said at the pull still holds.
      else if (trouble.problem !== 'untold' || seen[key] !== undefined) now.add(key)
    }
    for (const container of containers) if (container.restarts >= RESTARTS) now.add(restartsKey(uid, container))
  }
  const known = new Map(Object.entries(seen).filter(([key, { lastAt }]) => !over.has(key) && at - lastAt <= FORGOTTEN_MS))
  for (const key of now) known.set(key, { firstAt: known.get(key)?.firstAt ?? at, lastAt: at })
  return Object.fromEntries(known)
}

function restartsSeen({ restarts }: FailFastState, alive: readonly PodAndSummary[]): FailFastState['restarts'] {
  return Object.fromEntries(
    alive.flatMap(({ pod: { uid, readyFrom, containers = [] } }) =>
      containers.map(container => {
        const key = `${uid}/${container.name}`
        const known = restarts[key] ?? { first: container.restarts }
        const ready = known.ready ?? (readyFrom === undefined ? undefined : container.restarts)
        return [key, { first: known.first, ...(ready === undefined ? {} : { ready }) }] as const
      })
    )
  )
}
