import { MINUTE } from '../base/clock.ts'
import { instantAt, type JsonObject, textAt } from '../base/json.ts'
import { listKept } from '../domain/long-list.ts'
import { countedPods } from '../domain/pod.ts'
import type { Kube } from '../domain/ports/kube.ts'
import type { Workload } from '../domain/workload.ts'

/** Kubernetes writes whole seconds. */
const RESOLUTION_MS = 1_000
/** The controllers try again after 1,000 seconds at the latest, so what is older than this is over. */
const NEWS_MS = 20 * MINUTE

/**
 * Adds why the controller of a StatefulSet or DaemonSet cannot make pods. These have no condition that says so: only the controller's
 * Events do. Without the right to list them, or without an Event, it is not known.
 */
export async function withRefusedPods(
  { kube, now }: { readonly kube: Pick<Kube, 'get'>; readonly now: () => number },
  workload: Workload,
  signal: AbortSignal
): Promise<Workload> {
  const { ref, uid, pods, replicas, rollout } = workload
  if ((ref.kind !== 'StatefulSet' && ref.kind !== 'DaemonSet') || countedPods(pods).length >= replicas) return workload
  const selector = encodeURIComponent(`involvedObject.uid=${uid},reason=FailedCreate`)
  const path = `/api/v1/namespaces/${encodeURIComponent(ref.namespace)}/events?fieldSelector=${selector}`
  const answer = await listKept((page, until) => kube.get(page, until), path, toRefusal, signal)
  if (answer.kind !== 'ok') return workload
  const newest = [...answer.items].sort((a, b) => b.at - a.at)[0]
  if (newest?.message === undefined || now() - newest.at > NEWS_MS || isOver(newest.at, workload)) return workload
  return { ...workload, rollout: { ...rollout, cannotCreate: newest.message } }
}

function toRefusal(event: JsonObject): { readonly message: string | undefined; readonly at: number } {
  return { message: textAt(event, 'message'), at: instantAt(event, 'lastTimestamp') ?? instantAt(event, 'eventTime') ?? 0 }
}

/** Whether a pod was made since, or the template was written since: the controller then tries at once, and says it again. */
function isOver(at: number, { pods, templateManagedAt = 0 }: Workload): boolean {
  return at + RESOLUTION_MS <= Math.max(templateManagedAt, ...pods.map(pod => pod.createdAt))
}
