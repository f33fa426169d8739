import { MINUTE, SECOND } from '../base/clock.ts'
import type { Looks, SeenBackOff } from './looks.ts'
import { countedPods, isAvailable, type PodSummary } from './pod.ts'
import { causesOf, hangs, instantText, inWords, unreadySince } from './rollout-causes.ts'
import type { Rollout, Workload } from './workload.ts'

/** A container fails if two looks that lie so far apart both find it in back-off (rules 5). */
export const LOOKS_APART_MS = 30 * SECOND
/** An earlier look than this proves nothing any more. The kubelet's longest back-off is half of it. */
const FORGOTTEN_MS = 10 * MINUTE
/** What no controller gives up by itself stands still after so long: the default of a Deployment's `progressDeadlineSeconds`. */
export const STANDS_STILL_MS = 10 * MINUTE
/** A node whose pod is still there so long after it had to be gone does not answer. A kubelet needs seconds. */
const AWAY_AFTER_MS = 30 * SECOND
/** So many containers are kept. One is enough to prove that a rollout fails, and a big rollout must not make a big row. */
const KEPT = 64

/** When a look is. */
export interface Moment {
  /** Astern's clock. */
  readonly at: number
  /** How much further the API server's clock is. */
  readonly offset: number
  /** When Astern wrote, Astern's clock: what was seen before does not count. */
  readonly wroteAt?: number
}

/** A look at a target: what can be told of its rollout now, and what the next look must know. */
export interface Looked {
  readonly workload: Workload
  readonly looks: Looks
}

/**
 * Judges a rollout by this look and the ones before it. One look shows trouble that may pass: an image that could not be pulled, a
 * crash, a failed probe. Only what is still so at a second look stalls a rollout. Pure.
 */
export function lookAt(workload: Workload, known: Looks | undefined, moment: Moment): Looked {
  const before = known?.uid === workload.uid ? known : undefined
  const best = bestOf(workload, before, moment.at)
  const complete = completeOf(workload, before, moment.at)
  const looks: Looks = {
    at: moment.at,
    uid: workload.uid,
    backOffs: seenBackOffs(workload, before, moment.at),
    ...(isRefused(workload) ? { refusedSince: before?.refusedSince ?? moment.at } : {}),
    ...(best === undefined ? {} : { best }),
    ...(complete === undefined ? {} : { complete })
  }
  return { workload: { ...workload, rollout: judged(workload, looks, moment) }, looks }
}

/** Whether the ledger must keep this look. Most looks find what the one before it found. */
export function isNews(looks: Looks, known: Looks | undefined): boolean {
  const { at, ...seen } = looks
  const { at: knownAt = Number.NEGATIVE_INFINITY, ...seenBefore } = known ?? { uid: looks.uid, backOffs: [] }
  return JSON.stringify(seen) !== JSON.stringify(seenBefore) || (looks.backOffs.length > 0 && at - knownAt >= MINUTE)
}

function seenBackOffs({ pods }: Workload, before: Looks | undefined, at: number): readonly SeenBackOff[] {
  const kept = before === undefined || at - before.at > FORGOTTEN_MS ? [] : before.backOffs
  return pods
    .filter(pod => pod.current && !pod.terminating)
    .flatMap(({ uid, unready = [] }) =>
      unready.flatMap(({ name, backOff }) => {
        // Between two crashes a container runs for a while. Only one that got ready begins anew.
        const first = kept.find(seen => seen.pod === uid && seen.container === name)
        if (first !== undefined) return [first]
        return backOff === undefined ? [] : [{ pod: uid, container: name, since: at }]
      })
    )
    .sort((a, b) => a.since - b.since)
    .slice(0, KEPT)
}

/**
 * Whether the controller cannot make pods though none is on its way out. Until an old pod is gone, its quota and its name are taken.
 */
function isRefused({ rollout, pods }: Workload): boolean {
  return rollout.state === 'moving' && rollout.cannotCreate !== undefined && !pods.some(pod => pod.terminating)
}

/**
 * How far a rollout has come at best; undefined where it is complete, or people hold it up. A controller that has a deadline takes each
 * pod that gets ready for progress, also one that does so for the tenth time.
 */
function bestOf({ rollout, generation, pods, ref, paused }: Workload, before: Looks | undefined, at: number): Looks['best'] {
  const isWatched = ref.kind === 'StatefulSet' || ref.kind === 'DaemonSet' || rollout.deadlineMs !== undefined
  // A controller that does not look at the spec at all watches no deadline either.
  if (rollout.state !== 'moving' || paused || (!isWatched && rollout.seen)) return undefined
  const current = countedPods(pods).filter(pod => pod.current)
  const now = { updated: current.length, ready: current.filter(pod => pod.ready).length }
  const best = before?.best
  if (best === undefined || best.generation !== generation || best.seen !== rollout.seen)
    return { generation, seen: rollout.seen, ...now, since: at }
  // Only more than ever before is progress: pods that come and go, or get ready and unready, are none.
  if (now.updated <= best.updated && now.ready <= best.ready) return best
  return { ...best, updated: Math.max(now.updated, best.updated), ready: Math.max(now.ready, best.ready), since: at }
}

function completeOf({ rollout, identity }: Workload, before: Looks | undefined, at: number): Looks['complete'] {
  const known = before?.complete?.identity === identity ? before.complete : undefined
  if (rollout.progressedAt !== undefined || rollout.state !== 'complete') return known
  return known ?? (rollout.available ? { identity, at } : undefined)
}

function judged(workload: Workload, looks: Looks, moment: Moment): Rollout {
  const { rollout } = workload
  const now = moment.at + moment.offset
  const cause = inWords(causesOf(workload, looks.best === undefined ? 0 : moment.at - looks.best.since, now))
  const told: Rollout = cause === '' ? rollout : { ...rollout, cause, detail: `${rollout.detail}; ${cause}` }
  switch (rollout.state) {
    case 'complete': {
      // A node that does not answer may have kept a pod of the very version that is wanted: then only that pod is not available.
      const living = rollout.available ? undefined : withoutNodes(workload, told, now)
      if (living?.state === 'complete') return living
      return { ...(rollout.available ? rollout : told), ...completedAt(workload, looks, moment) }
    }
    case 'stalled':
      return { ...told, stalledBy: rollout.stalledBy ?? 'deadline' }
    case 'moving':
      return (
        (rollout.seen ? stalledByPods(workload, looks, moment) : undefined) ??
        withoutNodes(workload, told, now) ??
        atRest(workload, told, looks, moment)
      )
  }
}

/**
 * When the rollout was complete, where only the pods' readiness shows it. A pod that gets ready and unready again and again would
 * show another time at each look, so the first look that found it complete counts, if no pod is newer.
 */
function completedAt({ rollout, pods }: Workload, { complete }: Looks, { offset }: Moment): Pick<Rollout, 'completedAt'> {
  if (complete === undefined || rollout.completedAt === undefined) return {}
  const newest = Math.max(0, ...countedPods(pods).flatMap(pod => (pod.current ? [pod.createdAt] : [])))
  return { completedAt: Math.min(rollout.completedAt, Math.max(complete.at + offset, newest)) }
}

/** The rollout stalls: its new pods cannot run, or run and do not get ready. */
function stalledByPods(workload: Workload, looks: Looks, moment: Moment): Rollout | undefined {
  const { rollout, pods, ref } = workload
  const failing = pods.some(({ uid, unready = [] }) =>
    unready.some(({ name, backOff }) => {
      const seen = looks.backOffs.find(one => one.pod === uid && one.container === name)
      if (backOff === undefined || seen === undefined) return false
      return moment.at - Math.max(seen.since, moment.wroteAt ?? seen.since) >= LOOKS_APART_MS
    })
  )
  const stalled = (why: readonly string[]): Rollout => {
    const cause = inWords(why)
    return {
      ...rollout,
      state: 'stalled',
      stalledBy: 'pods',
      available: false,
      cause,
      detail: `${rollout.detail}; new pods cannot run: ${cause}`
    }
  }
  if (failing) return stalled(rollout.brokenPods)
  const refused = looks.refusedSince === undefined ? 0 : moment.at - Math.max(looks.refusedSince, moment.wroteAt ?? 0)
  if (rollout.cannotCreate !== undefined && refused >= LOOKS_APART_MS) return stalled([rollout.cannotCreate])
  // A Deployment has a deadline of its own for that.
  if (ref.kind !== 'StatefulSet' && ref.kind !== 'DaemonSet') return undefined
  const now = moment.at + moment.offset
  const never = countedPods(pods).filter(pod => isNeverReady(pod, workload, now))
  return never.length === 0 ? undefined : stalled(never.map(pod => unreadySince(pod)))
}

/** Whether a new pod runs, and for longer than its probes take was not ready. */
function isNeverReady(pod: PodSummary, { minReadyMs = 0 }: Workload, now: number): boolean {
  const { current, ready, runningSince, readyAt = 0, patienceMs = STANDS_STILL_MS } = pod
  return current && !ready && runningSince !== undefined && now - Math.max(runningSince, readyAt) > patienceMs + minReadyMs
}

/**
 * A DaemonSet with nodes that do not let their pod go. The controller counts each of them as away, and once so many are, it replaces
 * no pod on any node, whatever is written.
 */
function withoutNodes(workload: Workload, told: Rollout, now: number): Rollout | undefined {
  const { ref, pods, replicas, rollout } = workload
  if (ref.kind !== 'DaemonSet' || !rollout.seen) return undefined
  const living = countedPods(pods)
  const hung = pods.filter(pod => hangs(pod, now, AWAY_AFTER_MS))
  const silentNodes = [...new Set(hung.flatMap(({ node }) => node ?? []))].filter(node => !living.some(pod => pod.node === node))
  if (silentNodes.length === 0) return undefined
  // Once a node has a taint for it, the controller wants no pod there, and its pod counts as misplaced.
  const silentWanted = Math.max(0, silentNodes.length - (rollout.misplaced ?? 0))
  const done = living.filter(pod => pod.current && isAvailable(pod, workload, now))
  if (done.length === living.length && living.length >= Math.max(1, replicas - silentWanted)) {
    const times = done.flatMap(pod => pod.readyAt ?? [])
    return {
      ...told,
      state: 'complete',
      available: true,
      detail: `${done.length} available on the nodes that answer; ${told.cause ?? ''}`,
      ...(times.length === 0 ? {} : { completedAt: Math.max(...times) })
    }
  }
  if (silentNodes.length < (rollout.mayBeAway ?? 1)) return undefined
  const why = 'that uses up maxUnavailable, and stops every update'
  return { ...told, state: 'stalled', stalledBy: 'node', silentNodes, silentWanted, detail: `${told.detail}: ${why}` }
}

/** The rollout moves, or has stood still for too long. */
function atRest(workload: Workload, told: Rollout, { best, backOffs }: Looks, { at, offset }: Moment): Rollout {
  const patience = Math.max(STANDS_STILL_MS, told.deadlineMs ?? 0, ...workload.pods.flatMap(pod => pod.patienceMs ?? []))
  if (best !== undefined && at - best.since >= patience) {
    const hung = workload.ref.kind === 'StatefulSet' && workload.pods.some(pod => hangs(pod, at + offset, AWAY_AFTER_MS))
    return {
      ...told,
      state: 'stalled',
      stalledBy: 'time',
      // A StatefulSet waits until that pod is gone, whatever its template says.
      ...(hung || !told.seen ? { stuck: true } : {}),
      detail: `nothing has moved since ${instantText(best.since + offset)}: ${told.detail}`
    }
  }
  const broken = workload.pods.flatMap(({ uid, unready = [] }) =>
    unready.flatMap(({ name, backOff }) => (backOff === undefined ? [] : [`${uid}/${name}`]))
  )
  const next = backOffs.filter(({ pod, container }) => broken.includes(`${pod}/${container}`)).map(({ since }) => since + LOOKS_APART_MS)
  const later = next.filter(time => time > at)
  return later.length === 0 ? told : { ...told, lookAgainAt: Math.min(...later) }
}
