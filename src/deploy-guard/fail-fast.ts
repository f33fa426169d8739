import { MINUTE, SECOND } from '../base/clock.ts'
import { shownText } from '../base/shown-text.ts'
import type { GuardedContainer, GuardedPod } from '../domain/guarded-pod.ts'
import type { Workload } from '../domain/workload.ts'
import {
  beganSo,
  type FailFastState,
  isBeginning,
  isSeenTwice,
  keyOf,
  knownRestarts,
  RESTARTS,
  remember,
  restartsKey,
  restartsSince
} from './fail-fast-memory.ts'
import { type PodAndSummary, restartsText, type Trouble, troublesOf } from './pod-troubles.ts'

export interface FailFastLook {
  /** Epoch milliseconds, Astern's clock. */
  readonly at: number
  readonly workload: Workload
  /** As `rememberPods` gives them. */
  readonly pods: readonly GuardedPod[]
  /** The version that is judged, and when it was rolled out, Astern's clock. */
  readonly identity: string
  readonly changedAt: number
}

/** What Kubernetes itself shows of the new version. The texts are for people; what pods and nodes say is escaped and cut. */
export type FailFastFinding =
  | { readonly kind: 'nothing' }
  /** Waiting may still end it. */
  | { readonly kind: 'awaits'; readonly text: string }
  /** Old pods suffer it too: evidence of nothing. */
  | { readonly kind: 'shared'; readonly text: string }
  | { readonly kind: 'failing'; readonly text: string }

/** Where no controller gives a rollout up, a pod that no node takes is given so long: the default of Deployments. */
const UNSCHEDULED_MS = 10 * MINUTE
/** By so much the two clocks and Kubernetes' whole seconds may be off. */
const CLOCKS_MS = 5 * SECOND
/** So many troubles are named; the rest is counted. */
const NAMED = 3
/** Characters of what a controller says. */
const TOLD = 300

interface Scene {
  readonly look: FailFastLook
  readonly state: FailFastState
  readonly old: readonly PodAndSummary[]
}

/** A trouble of a new pod, and what it means so far. */
interface Judged {
  readonly means: 'awaits' | 'shared' | 'failing'
  readonly uid: string
  readonly text: string
}

/** Takes one look, and says what Kubernetes itself shows to be failing in the new version. Pure. */
export function failFast(state: FailFastState, look: FailFastLook): { readonly state: FailFastState; readonly finding: FailFastFinding } {
  const summaries = new Map(look.workload.pods.map(summary => [summary.uid, summary]))
  const alive = look.pods
    .filter(({ deletedAt }) => deletedAt === undefined)
    .map((pod): PodAndSummary => {
      const summary = summaries.get(pod.uid)
      return summary === undefined ? { pod } : { pod, summary }
    })
  const fresh = alive.filter(({ pod }) => pod.version === 'new')
  const scene: Scene = {
    look,
    state: remember(state, look.at, { fresh, alive }),
    old: alive.filter(({ pod }) => pod.version === 'old')
  }
  const judged = fresh.flatMap(one => [...troublesOf(one).map(trouble => judgeTrouble(scene, one, trouble)), ...judgeRestarts(scene, one)])
  const deadline = judgeDeadline(scene, judged)
  return { state: scene.state, finding: conclude(judged, deadline, fresh.length) }
}

function judgeTrouble(scene: Scene, one: PodAndSummary, trouble: Trouble): Judged {
  const { uid } = one.pod
  const { text } = trouble
  if (!isFailing(scene, one, trouble)) return { means: 'awaits', uid, text }
  const shared = sharedWith(scene, one, trouble)
  return shared === undefined ? { means: 'failing', uid, text } : { means: 'shared', uid, text: `${text}; ${shared}` }
}

function isFailing({ look, state, old }: Scene, { pod }: PodAndSummary, trouble: Trouble): boolean {
  switch (trouble.kind) {
    case 'unschedulable':
      return look.at - Math.max(look.changedAt, pod.bornAt) >= (look.workload.rollout.deadlineMs || UNSCHEDULED_MS)
    case 'crash-loop':
      // Where old pods began with restarts as well, the new ones have the time for it that those had.
      if (isBeginning(pod, look.at) && old.some(one => namesakes(one, trouble.container).some(before => beganSo(one.pod, before))))
        return false
      return isSeenTwice(state, look.at, keyOf(pod.uid, trouble))
    case 'pull':
      return isSeenTwice(state, look.at, keyOf(pod.uid, trouble))
    case 'start':
      // Somebody may still make the ConfigMap that it needs; a controller with a deadline gives it up by itself.
      return false
  }
}

/** Why a trouble is not the new version's own, in a few words. */
function sharedWith(scene: Scene, { summary }: PodAndSummary, trouble: Trouble): string | undefined {
  const sufferer = scene.old.find(one => suffers(scene, one, trouble))
  if (sufferer !== undefined) return `${told(sufferer)} suffers it too`
  const neighbour = scene.old.find(one => one.summary?.node !== undefined && one.summary.node === summary?.node && !one.summary.ready)
  return neighbour === undefined ? undefined : `${told(neighbour)} is not ready on the same node`
}

function suffers({ look, state }: Scene, one: PodAndSummary, trouble: Trouble): boolean {
  switch (trouble.kind) {
    case 'unschedulable':
    case 'pull':
      return troublesOf(one).some(({ kind }) => kind === trouble.kind)
    case 'crash-loop':
      return namesakes(one, trouble.container).some(
        container =>
          container.waiting?.reason === 'CrashLoopBackOff' || restartsSince(state, look.changedAt, one.pod, container) >= RESTARTS
      )
    case 'start':
      return false
  }
}

/**
 * Restarts after the pod was Ready say at once that it breaks. Before that a container may only wait for something, so that they are
 * looked at twice; and one whose pod got Ready after its last end has come up.
 */
function judgeRestarts({ look, state, old }: Scene, { pod }: PodAndSummary): readonly Judged[] {
  const { uid, bornAt, readyFrom, containers = [] } = pod
  return containers.flatMap((container): readonly Judged[] => {
    const known = knownRestarts(state, uid, container)
    const times = container.restarts - (bornAt >= look.changedAt ? 0 : (known?.first ?? container.restarts))
    const hasComeUp = readyFrom !== undefined && container.ended?.at !== undefined && container.ended.at < readyFrom
    // A crash loop is told as such.
    if (container.init === true || container.waiting?.reason === 'CrashLoopBackOff' || times < RESTARTS || hasComeUp) return []
    const text = restartsText(pod, container, times)
    const broke = known?.ready !== undefined && container.restarts - known.ready >= RESTARTS
    if (!broke && !isSeenTwice(state, look.at, restartsKey(uid, container))) return [{ means: 'awaits', uid, text }]
    const alike = old.find(one =>
      namesakes(one, container.name).some(before => restartsSince(state, look.changedAt, one.pod, before) > 0 || beganSo(one.pod, before))
    )
    if (alike === undefined) return [{ means: 'failing', uid, text }]
    return [{ means: 'shared', uid, text: `${text}; ${told(alike)} restarts too` }]
  })
}

/** The controller gave the rollout of this very version up. */
function judgeDeadline({ look, old }: Scene, judged: readonly Judged[]): Judged | undefined {
  const { rollout, identity } = look.workload
  if (identity !== look.identity || rollout.state !== 'stalled' || rollout.stalledBy !== 'deadline') return undefined
  // A condition that is older than this rollout can be is the one before's.
  if (look.at - look.changedAt < (rollout.deadlineMs ?? 0) - CLOCKS_MS) return undefined
  const text = `ProgressDeadlineExceeded: ${shownText(rollout.cannotCreate ?? rollout.detail, TOLD)}`
  const unready = old.find(({ summary }) => summary?.ready === false)
  if (unready !== undefined) return { means: 'shared', uid: '', text: `${text}; ${told(unready)} is not ready either` }
  const isShared = judged.length > 0 && judged.every(({ means }) => means === 'shared')
  return { means: isShared ? 'shared' : 'failing', uid: '', text }
}

/** The worst of all, with the first troubles named and the others counted. */
function conclude(judged: readonly Judged[], deadline: Judged | undefined, fresh: number): FailFastFinding {
  const means = (['failing', 'shared', 'awaits'] as const).find(one => [...judged, deadline].some(found => found?.means === one))
  if (means === undefined) return { kind: 'nothing' }
  const isGivenUp = deadline?.means === means
  // What was awaited until the controller gave up is why it did.
  const troubles = isGivenUp ? judged : judged.filter(one => one.means === means)
  const pods = new Set(troubles.map(({ uid }) => uid)).size
  const texts = [...(isGivenUp ? [deadline.text] : []), ...troubles.slice(0, NAMED).map(({ text }) => text)]
  const more = troubles.length > NAMED ? `; and ${troubles.length - NAMED} more` : ''
  return { kind: means, text: `${texts.join('; ')}${more}${pods > 1 ? ` (${pods} of ${fresh} new pods)` : ''}` }
}

function namesakes({ pod }: PodAndSummary, name: string): readonly GuardedContainer[] {
  return (pod.containers ?? []).filter(container => container.name === name)
}

function told({ pod }: PodAndSummary): string {
  return `${shownText(pod.name, TOLD)} of the old version`
}
