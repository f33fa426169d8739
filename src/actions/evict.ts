import type { Tools } from '../domain/action.ts'
import type { Right } from '../domain/rights.ts'
import { type NotApplied, toNotApplied } from '../domain/write-result.ts'

/** Evictions, so that disruption budgets hold; never a deletion, and never by force. */
export const EVICT: Right = { verb: 'create', group: '', resource: 'pods/eviction' }

export type Evicted =
  | { readonly kind: 'gone' }
  /** A disruption budget says not now. */
  | { readonly kind: 'held'; readonly detail: string }
  | { readonly kind: 'not-evicted'; readonly result: NotApplied }

/** One pod, by its name and its uid: another one may get the name. */
export interface PodToEvict {
  readonly namespace: string
  readonly name: string
  readonly uid: string
}

/** Evicts one pod, if it still is this very one (facts B.6). One that is gone already is gone. */
export async function evict(
  tools: Pick<Tools, 'kube'>,
  { namespace, name, uid }: PodToEvict,
  { dryRun }: { readonly dryRun: boolean },
  signal: AbortSignal
): Promise<Evicted> {
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(name)}/eviction`
  const answer = await tools.kube.post(
    dryRun ? `${path}?dryRun=All` : path,
    {
      apiVersion: 'policy/v1',
      kind: 'Eviction',
      metadata: { name, namespace },
      deleteOptions: { preconditions: { uid }, ...(dryRun ? { dryRun: ['All'] } : {}) }
    },
    signal
  )
  if (answer.kind === 'ok' || (answer.kind === 'error' && answer.status === 404)) return { kind: 'gone' }
  // Another pod has its name by now: the one that was meant is gone.
  if (answer.kind === 'error' && answer.status === 409) return { kind: 'gone' }
  if (answer.kind === 'error' && answer.status === 429) return { kind: 'held', detail: answer.detail }
  return { kind: 'not-evicted', result: toNotApplied(answer) }
}
