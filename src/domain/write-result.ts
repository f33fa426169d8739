import { numberAt } from '../base/json.ts'
import type { WriteResult } from './ports/cluster.ts'
import type { KubeAnswer } from './ports/kube.ts'

/** Why a write was not made, or may not have been. */
export type NotApplied = Exclude<WriteResult, { readonly kind: 'applied' }>

/** What the API server's answer to a write means (facts G.2). */
export function toWriteResult(answer: KubeAnswer, now: () => number): WriteResult {
  return answer.kind === 'ok'
    ? { kind: 'applied', generation: numberAt(answer.object, 'metadata', 'generation') ?? 0, at: now() }
    : toNotApplied(answer)
}

/** What the API server's answer to a write means where it is no success (facts G.2). */
export function toNotApplied(answer: Exclude<KubeAnswer, { readonly kind: 'ok' }>): NotApplied {
  if (answer.kind === 'unreachable') return { kind: 'unknown', detail: answer.detail }
  const { status, detail } = answer
  // A failed `test` is 422, and so is an object that is not valid: only reading again tells which (facts B.0, G.5).
  if (status === 409 || status === 422) return { kind: 'conflict', detail }
  if (status === 401 || status === 403) return { kind: 'forbidden', detail }
  if (status === 404) return { kind: 'not-found', detail }
  if (status >= 500 || status === 429 || status === 408) return { kind: 'unknown', detail: `${status}: ${detail}` }
  return { kind: 'refused', detail: `${status}: ${detail}` }
}

/** What was made through something that counts no generations, or through more than one request. */
export function appliedWith(detail: string, at: number): WriteResult {
  return { kind: 'applied', generation: 0, at, detail }
}
