import type { NotApplied } from './ports/cluster.ts'
import type { KubeAnswer } from './ports/kube.ts'
import type { Reason } from './reasons.ts'

/** How Astern writes to the API server: JSON patches, the scale subresource (read and put), evictions. */
export const WRITE_VERBS = ['patch', 'scale', 'evict'] as const
export type WriteVerb = (typeof WRITE_VERBS)[number]

type ErrorAnswer = Extract<KubeAnswer, { readonly kind: 'error' }>

/** What a run says where the answer stands; `read again`: the target decides; `failed` and `unknown`: the outcomes of that name. */
type Told = Reason | 'read again' | 'gone' | 'failed' | 'unknown'

/** One row of the table: a verb, a status and, where those do not tell, a sign mean this. */
export interface AnswerRow {
  readonly verbs: readonly WriteVerb[]
  /** Codes, or whole classes of them: `5` stands for every 5xx. None: whatever the code is. */
  readonly statuses: readonly number[]
  readonly sign?: keyof typeof SIGNS
  readonly means: NotApplied['kind'] | 'gone'
  readonly told: Told
}

/** What in an answer tells it apart from others of its status. Only the words do, where the server gives nothing else (facts G.2). */
const SIGNS = {
  'a policy or webhook denied it': ({ detail }) =>
    /ValidatingAdmissionPolicy '.*' with binding '.*' denied request|admission webhook ".*" denied the request/s.test(detail),
  'a webhook could not be asked': ({ detail }) => /failed calling webhook|failed to call webhook/.test(detail),
  'it does not say what': ({ says }) => says !== undefined && says.name === undefined && says.causes.length === 0,
  'too long or too large': ({ says, detail }) =>
    says?.causes.includes('FieldValueTooLong') === true || /request is too large|Too long: may not be more than/.test(detail),
  'a disruption budget': ({ says }) => says?.causes.includes('DisruptionBudget') === true,
  'several disruption budgets': ({ detail }) => /more than one PodDisruptionBudget/.test(detail),
  'a budget that others change': ({ detail }) => /PodDisruptionBudget/.test(detail),
  'another uid': ({ detail }) => /\buid\b/i.test(detail)
} as const satisfies Readonly<Record<string, (answer: ErrorAnswer) => boolean>>

const ANY = WRITE_VERBS
/** Both answer for the object itself; an eviction answers for a pod, and has a budget before it. */
const OBJECT = ['patch', 'scale'] as const

/**
 * What every answer of the API server to a write means that is no success: the first row that fits. Nothing else reads a status.
 * A denial has any status that its author chose, so it is looked for first.
 */
export const WRITE_ANSWERS: readonly AnswerRow[] = [
  { verbs: ANY, statuses: [], sign: 'a policy or webhook denied it', means: 'forbidden', told: 'forbidden' },
  { verbs: ANY, statuses: [5], sign: 'a webhook could not be asked', means: 'not-now', told: 'webhook-unreachable' },
  { verbs: ANY, statuses: [401, 403], means: 'forbidden', told: 'forbidden' },
  { verbs: OBJECT, statuses: [404], means: 'not-found', told: 'target-not-found' },
  { verbs: ['evict'], statuses: [404], means: 'gone', told: 'gone' },
  { verbs: ['evict'], statuses: [409], sign: 'another uid', means: 'gone', told: 'gone' },
  { verbs: ['evict'], statuses: [409], means: 'not-now', told: 'cluster-busy' },
  { verbs: OBJECT, statuses: [409], means: 'conflict', told: 'read again' },
  { verbs: ANY, statuses: [422], sign: 'too long or too large', means: 'too-large', told: 'too-large' },
  { verbs: ANY, statuses: [422], sign: 'it does not say what', means: 'conflict', told: 'read again' },
  { verbs: ANY, statuses: [422], means: 'rejected', told: 'forbidden' },
  { verbs: ANY, statuses: [413], means: 'too-large', told: 'too-large' },
  { verbs: ANY, statuses: [5], sign: 'too long or too large', means: 'too-large', told: 'too-large' },
  { verbs: ['evict'], statuses: [429], sign: 'a disruption budget', means: 'held', told: 'disruption-budget' },
  { verbs: ANY, statuses: [429], means: 'not-now', told: 'cluster-busy' },
  { verbs: ['evict'], statuses: [5], sign: 'several disruption budgets', means: 'forbidden', told: 'forbidden' },
  { verbs: ['evict'], statuses: [504], sign: 'a budget that others change', means: 'not-now', told: 'cluster-busy' },
  // The server may have done it, and said so to nobody.
  { verbs: ANY, statuses: [2, 408, 5], means: 'unknown', told: 'unknown' },
  { verbs: ANY, statuses: [], means: 'refused', told: 'failed' }
]

/** Whether a 404 is about the kind, which the server does not serve, and not about one object of it. */
export function isUnserved({ status, says, detail }: ErrorAnswer): boolean {
  return status === 404 && (says === undefined ? /not JSON/.test(detail) : /could not find the requested resource/.test(detail))
}

/** The row of the table that an answer falls under. */
export function rowOf(verb: WriteVerb, answer: ErrorAnswer): AnswerRow {
  const { status } = answer
  const found = WRITE_ANSWERS.find(
    ({ verbs, statuses, sign }) =>
      verbs.includes(verb) &&
      (statuses.length === 0 || statuses.some(known => known === status || known === Math.floor(status / 100))) &&
      (sign === undefined || SIGNS[sign](answer))
  )
  if (found === undefined) throw new Error(`the table of answers has no row for ${verb} and ${status}`)
  return found
}

/** What an answer that is no success means for a write; `gone`: the pod that was to be evicted is not there any more. */
export function meaningOf(verb: WriteVerb, answer: Exclude<KubeAnswer, { readonly kind: 'ok' }>): NotApplied | { readonly kind: 'gone' } {
  if (answer.kind === 'unreachable') return { kind: 'unknown', detail: answer.detail }
  const { status, detail, retryAfterMs } = answer
  const later = retryAfterMs === undefined ? {} : { retryAfterMs }
  const { means, told } = rowOf(verb, answer)
  switch (means) {
    case 'gone':
      return { kind: 'gone' }
    case 'not-now':
      return { kind: means, reason: told === 'webhook-unreachable' ? told : 'cluster-busy', detail: `${status}: ${detail}`, ...later }
    case 'held':
      return { kind: means, detail, ...later }
    case 'unknown':
      return { kind: means, detail: `${status}: ${detail}`, ...later }
    case 'refused':
    case 'too-large':
      return { kind: means, detail: `${status}: ${detail}` }
    case 'not-found':
      return { kind: means, detail: isUnserved(answer) ? `the API server does not serve this: ${detail}` : detail }
    case 'conflict':
    case 'forbidden':
    case 'rejected':
      return { kind: means, detail }
  }
}
