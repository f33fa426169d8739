import type { Tools } from '../domain/action.ts'
import type { WriteResult } from '../domain/ports/cluster.ts'
import type { Right } from '../domain/rights.ts'
import { toWriteResult } from '../domain/write-result.ts'

/** Evictions, so that disruption budgets hold; never a deletion, and never by force. */
export const EVICT: Right = { verb: 'create', group: '', resource: 'pods/eviction' }

export type Evicted =
  | { readonly kind: 'gone' }
  /** A disruption budget says not now. */
  | { readonly kind: 'held'; readonly detail: string }
  | { readonly kind: 'not-evicted'; readonly result: WriteResult }

/** Evicts one pod, if it still is this very one (facts B.6). One that is gone already is gone. */
export async function evict(
  tools: Pick<Tools, 'kube' | 'clock'>,
  namespace: string,
  pod: { readonly name: string; readonly uid: string },
  dryRun: boolean,
  signal: AbortSignal
): Promise<Evicted> {
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(pod.name)}/eviction`
  const answer = await tools.kube.post(
    dryRun ? `${path}?dryRun=All` : path,
    {
      apiVersion: 'policy/v1',
      kind: 'Eviction',
      metadata: { name: pod.name, namespace },
      deleteOptions: { preconditions: { uid: pod.uid }, ...(dryRun ? { dryRun: ['All'] } : {}) }
    },
    signal
  )
  if (answer.kind === 'ok' || (answer.kind === 'error' && answer.status === 404)) return { kind: 'gone' }
  // Another pod has its name by now: the one that was meant is gone.
  if (answer.kind === 'error' && answer.status === 409) return { kind: 'gone' }
  if (answer.kind === 'error' && answer.status === 429) return { kind: 'held', detail: answer.detail }
  return { kind: 'not-evicted', result: toWriteResult(answer, tools.clock.now) }
}
