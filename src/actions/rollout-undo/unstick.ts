import { type Look, type Tools, type Watched, watchedRollout } from '../../domain/action.ts'
import type { Plan } from '../../domain/plan.ts'
import { countedPods, type PodSummary } from '../../domain/pod.ts'
import type { NotApplied } from '../../domain/ports/cluster.ts'
import type { Workload } from '../../domain/workload.ts'
import { evict } from '../evict.ts'

/**
 * Watches the rollout back. Two controllers may wait for ever, also after the template was undone: that of a StatefulSet for a broken
 * pod (facts B.2), and that of a DaemonSet for a node that does not answer. So the pods that keep the bad revision are evicted, one at
 * a time, and never before the controller has seen the undo.
 */
export async function watchUndo(tools: Tools, _plan: Plan, { workload, since, mayWrite }: Look, signal: AbortSignal): Promise<Watched> {
  const { rollout, ref } = workload
  const watched = watchedRollout(workload, since)
  if (watched.state !== 'moving' || !rollout.seen) return watched
  const stuck = stuckPod(workload)
  if (stuck === undefined) return watched
  const moving = (cause: string): Watched => ({ state: 'moving', detail: [cause, rollout.cause].filter(Boolean).join('; '), cause })
  if (!mayWrite) return moving(`${stuck.name} holds up the rollout; the switch is lowered, or somebody has it, and it is left there`)
  const evicted = await evict(tools, { namespace: ref.namespace, ...stuck }, { dryRun: false }, signal)
  switch (evicted.kind) {
    case 'gone':
      return { ...watched, did: `evicted ${stuck.name}: ${stuck.why}` }
    case 'not-evicted':
      return {
        ...moving(`${stuck.name} holds up the rollout, and ${whyNot(evicted.result)}`),
        ...('retryAfterMs' in evicted.result ? { lookAgainMs: evicted.result.retryAfterMs } : {})
      }
  }
}

function whyNot({ kind, detail }: NotApplied): string {
  return kind === 'held' ? `a disruption budget keeps it: ${detail}` : `it cannot be evicted: ${detail}`
}

/** What a plan says of the evictions that may follow it. */
export function unstickText({ inOrder, rollout }: Workload): string {
  if (inOrder === true) return '; a pod that stays broken and holds up the others is then evicted'
  return rollout.stalledBy === 'node' ? '; the pods on the nodes that answer are then evicted, one at a time' : ''
}

/** The pod that has to go next for the rollout to get on, and why. */
function stuckPod(workload: Workload): (PodSummary & { readonly why: string }) | undefined {
  const { ref, inOrder, rollout } = workload
  const found =
    ref.kind === 'StatefulSet' && inOrder === true
      ? highestBroken(workload)
      : ref.kind === 'DaemonSet' && rollout.stalledBy === 'node'
        ? nextOnLivingNode(workload)
        : undefined
  const why = ref.kind === 'StatefulSet' ? 'it was broken and held up the rollout' : 'the controller waits for a node that does not answer'
  return found === undefined ? undefined : { ...found, why }
}

/** The pod with the highest ordinal that is neither ready nor of the present revision. */
function highestBroken({ pods, partition = 0 }: Workload): PodSummary | undefined {
  if (pods.some(pod => pod.terminating)) return undefined
  return pods.filter(pod => !pod.ready && !pod.current && ordinalOf(pod) >= partition).sort((a, b) => ordinalOf(b) - ordinalOf(a))[0]
}

/** The next pod of the bad revision, while all others on nodes that answer are ready: so one is away at a time, as is usual. */
function nextOnLivingNode({ pods, replicas, rollout }: Workload): PodSummary | undefined {
  const { silentNodes = [], silentWanted = 0 } = rollout
  const living = countedPods(pods)
  const old = living.filter(pod => !pod.current)
  const leaves = pods.some(({ terminating, node }) => terminating && (node === undefined || !silentNodes.includes(node)))
  // A node whose pod was evicted a moment ago has no other one yet.
  if (leaves || living.some(pod => pod.current && !pod.ready) || living.length < replicas - silentWanted) return undefined
  return old.find(pod => !pod.ready) ?? old[0]
}

function ordinalOf({ name }: PodSummary): number {
  return Number(/-(\d+)$/.exec(name)?.[1] ?? -1)
}
