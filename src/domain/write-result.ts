import { numberAt } from '../base/json.ts'
import type { WriteResult } from './ports/cluster.ts'
import type { KubeAnswer } from './ports/kube.ts'

/** Why a write was not made, or may not have been made. */
export type NotApplied = Exclude<WriteResult, { readonly kind: 'applied' }>

/** What the API server's answer to a write means (facts G.2). */
export function toWriteResult(answer: KubeAnswer, now: () => number): WriteResult {
  if (answer.kind !== 'ok') return toNotApplied(answer)
  const { object, warnings } = answer
  const generation = numberAt(object, 'metadata', 'generation') ?? 0
  return { kind: 'applied', generation, at: now(), ...(warnings === undefined ? {} : { warnings }) }
}

/** What an answer of the API server that is no success means for a write (facts G.2). */
export function toNotApplied(answer: Exclude<KubeAnswer, { readonly kind: 'ok' }>): NotApplied {
  if (answer.kind === 'unreachable') return { kind: 'unknown', detail: answer.detail }
  const { status, detail } = answer
  // A failed `test` is 422, and so is an object that is not valid. Only reading again shows which it was (facts B.0, G.5).
  if (status === 409 || status === 422) return { kind: 'conflict', detail }
  if (status === 401 || status === 403) return { kind: 'forbidden', detail }
  if (status === 404) return { kind: 'not-found', detail }
  if (status >= 500 || status === 429 || status === 408) return { kind: 'unknown', detail: `${status}: ${detail}` }
  return { kind: 'refused', detail: `${status}: ${detail}` }
}

/** The result of a write that has no generation, because it went through something that counts none or took several requests. */
export function appliedWith(detail: string, at: number): WriteResult {
  return { kind: 'applied', generation: 0, at, detail }
}
