import { canonicalJson, isObject, numberAt, objectAt } from '../base/json.ts'
import { atPointer } from '../base/json-pointer.ts'
import type { PatchOperation } from './plan.ts'
import type { NotApplied, WriteResult } from './ports/cluster.ts'
import type { KubeAnswer } from './ports/kube.ts'
import type { Refusal } from './reasons.ts'
import { templateIdentity } from './workload.ts'
import { meaningOf, type WriteVerb } from './write-answers.ts'

/** What the API server's answer to a write of an object means. */
export function toWriteResult(verb: Exclude<WriteVerb, 'evict'>, answer: KubeAnswer, now: () => number): WriteResult {
  if (answer.kind !== 'ok') return toNotApplied(verb, answer)
  const { object, warnings } = answer
  const left = answeredTemplate(object)
  return {
    kind: 'applied',
    generation: numberAt(object, 'metadata', 'generation') ?? 0,
    at: now(),
    ...(warnings === undefined ? {} : { warnings }),
    ...(left === undefined ? {} : { left })
  }
}

/** The identity of the template that the server answers with: webhooks and defaults may have made another of it than was sent. */
function answeredTemplate(object: unknown): string | undefined {
  for (const template of [objectAt(object, 'spec')['template'], objectAt(object)['template']])
    if (isObject(template)) return templateIdentity(template)
  return undefined
}

/**
 * Refuses a write that the server would change on its way, from its answer to a trial: an admission webhook or policy makes another
 * value of what was asked for, and then the write is not the one that was planned (rules 3). Whole templates are left out, because
 * defaults belong to them: what the server makes of one is `left`.
 */
export function asAsked(asked: readonly PatchOperation[], answer: KubeAnswer, result: WriteResult): WriteResult {
  if (answer.kind !== 'ok' || result.kind !== 'applied') return result
  for (const { op, path, value } of asked) {
    if (op === 'test' || op === 'remove' || path.endsWith('/template')) continue
    const found = atPointer(answer.object, path)
    if (!holds(found, value))
      return {
        kind: 'refused',
        detail: `an admission webhook or policy makes ${canonicalJson(found)} of ${path}, and ${canonicalJson(value)} was asked for`
      }
  }
  return result
}

/** Whether all that was asked for is there. An object may have more members than that. */
function holds(found: unknown, asked: unknown): boolean {
  if (!isObject(asked)) return canonicalJson(found) === canonicalJson(asked)
  return isObject(found) && Object.keys(asked).every(key => holds(found[key], asked[key]))
}

/** Why a write of an object was not made, or may not have been made. */
export function toNotApplied(verb: Exclude<WriteVerb, 'evict'>, answer: Exclude<KubeAnswer, { readonly kind: 'ok' }>): NotApplied {
  const meaning = meaningOf(verb, answer)
  return meaning.kind === 'gone' ? { kind: 'not-found', detail: 'it is gone' } : meaning
}

/** The result of a write that has no generation, because it went through something that counts none or took several requests. */
export function appliedWith(detail: string, at: number): WriteResult {
  return { kind: 'applied', generation: 0, at, detail }
}

/** The results after which it is known that nothing was written, and why. Only reading again tells what a `conflict` was. */
export type KnownNotWritten = Exclude<NotApplied, { readonly kind: 'unknown' | 'conflict' | 'refused' }>

/** What a run says where nothing was written. Whether it waits or ends is the reason's. */
export function refusalOf(result: KnownNotWritten): Refusal {
  const { detail } = result
  switch (result.kind) {
    case 'forbidden':
      return { reason: 'forbidden', detail }
    case 'rejected':
      return { reason: 'forbidden', detail: `the API server rejects the write: ${detail}` }
    case 'too-large':
      return { reason: 'too-large', detail }
    case 'not-found':
      return { reason: 'target-not-found', detail }
    case 'held':
      return { reason: 'disruption-budget', detail, ...later(result) }
    case 'not-now':
      return { reason: result.reason, detail, ...later(result) }
  }
}

function later({ retryAfterMs }: { readonly retryAfterMs?: number }): Pick<Refusal, 'retryAfterMs'> {
  return retryAfterMs === undefined ? {} : { retryAfterMs }
}
