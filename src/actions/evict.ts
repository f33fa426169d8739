import type { Tools } from '../domain/action.ts'
import type { NotApplied } from '../domain/ports/cluster.ts'
import type { Right } from '../domain/rights.ts'
import { meaningOf } from '../domain/write-answers.ts'

/** The right to evict pods. Astern never deletes or forces, so that disruption budgets hold. */
export const EVICT: Right = { verb: 'create', group: '', resource: 'pods/eviction' }

export type Evicted = { readonly kind: 'gone' } | { readonly kind: 'not-evicted'; readonly result: NotApplied }

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
  if (answer.kind === 'ok') return { kind: 'gone' }
  const meaning = meaningOf('evict', answer)
  // Where another pod has the name by now, the one that was meant is gone.
  return meaning.kind === 'gone' ? meaning : { kind: 'not-evicted', result: meaning }
}
