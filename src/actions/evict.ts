import type { Tools } from '../domain/action.ts'
import type { Right } from '../domain/rights.ts'
import { type NotApplied, toNotApplied } from '../domain/write-result.ts'

/** The right to evict pods. Astern never deletes or forces, so that disruption budgets hold. */
export const EVICT: Right = { verb: 'create', group: '', resource: 'pods/eviction' }

export type Evicted =
  | { readonly kind: 'gone' }
  /** A disruption budget does not allow it now. */
  | { readonly kind: 'held'; readonly detail: string }
  | { readonly kind: 'not-evicted'; readonly result: NotApplied }

/** One pod by its name and its uid, because another pod may get the name. */
export interface PodToEvict {
  readonly namespace: string
  readonly name: string
  readonly uid: string
}

/** Evicts one pod, if it still is the one that was judged (facts B.6). A pod that is gone already counts as evicted. */
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
  // Another pod has the name by now, so the one that was meant is gone.
  if (answer.kind === 'error' && answer.status === 409) return { kind: 'gone' }
  if (answer.kind === 'error' && answer.status === 429) return { kind: 'held', detail: answer.detail }
  return { kind: 'not-evicted', result: toNotApplied(answer) }
}
