import { type Look, type Tools, type Watched, watchedRollout } from '../../domain/action.ts'
import type { Plan } from '../../domain/plan.ts'
import type { NotApplied } from '../../domain/ports/cluster.ts'
import type { PodSummary } from '../../domain/workload.ts'
import { evict } from '../evict.ts'

/**
 * Watches the rollout back. A StatefulSet that brings up its pods in order waits for a broken one for ever, also after its
 * template was undone (facts B.2). So pods that are neither ready nor of the present revision are evicted, highest ordinal first,
 * one at a time, and never before the controller has seen the undo.
 */
export async function watchUndo(tools: Tools, _plan: Plan, { workload, since, mayWrite }: Look, signal: AbortSignal): Promise<Watched> {
  const { rollout, ref, inOrder, partition = 0 } = workload
  const watched = watchedRollout(workload, since)
  if (ref.kind !== 'StatefulSet' || inOrder !== true || watched.state !== 'moving') return watched
  const moving = (detail: string, did?: string): Watched => ({ state: 'moving', detail, ...(did === undefined ? {} : { did }) })
  if (!workload.rollout.seen || workload.pods.some(pod => pod.terminating)) return watched
  const stuck = workload.pods
    .filter(pod => !pod.ready && !pod.current && ordinalOf(pod) >= partition)
    .sort((a, b) => ordinalOf(b) - ordinalOf(a))[0]
  if (stuck === undefined) return watched
  if (!mayWrite) return moving(`${stuck.name} holds up the rollout; the switch is lowered, and it is left there`)
  const evicted = await evict(tools, { namespace: ref.namespace, ...stuck }, { dryRun: false }, signal)
  switch (evicted.kind) {
    case 'gone':
      return moving(rollout.detail, `evicted ${stuck.name}: it was broken and held up the rollout`)
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

function ordinalOf({ name }: PodSummary): number {
  return Number(/-(\d+)$/.exec(name)?.[1] ?? -1)
}
