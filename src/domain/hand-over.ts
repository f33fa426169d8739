import type { Message } from './message.ts'
import type { Outcome } from './outcomes.ts'

/** Somebody who answers for people: a caller of the API, or a person in Slack. */
export interface Answerer {
  /** As people read it. Never what anybody calls themselves in Slack: the name comes from `people:`, or is the token's. */
  readonly by: string
  readonly via: 'api' | 'slack'
  /** Team id and user id, `T…/U…`: who somebody is in Slack. */
  readonly person?: string
}

/** Who has taken an affair over from Astern, and since when. Astern writes nothing more for it. */
export interface HandedOver extends Answerer {
  /** Astern's clock. */
  readonly at: number
  readonly reason?: string
  /** Astern also stops watching what it wrote. */
  readonly stop?: true
}

/** Somebody takes the affair of a run over. */
export interface HandOver {
  readonly runId: string
  readonly to: HandedOver
  /** The channels that hear of it where they were told of the affair. */
  readonly channels: readonly string[]
}

export type HandOverResult =
  /** `again`: the same person had it already, as after a double click. */
  | { readonly kind: 'handed'; readonly to: HandedOver; readonly again: boolean }
  /** Somebody else has it. */
  | { readonly kind: 'taken'; readonly has: HandedOver }
  /** Nobody needs to have it any more. */
  | { readonly kind: 'over'; readonly outcome?: Outcome }
  | { readonly kind: 'no-such-run' }

/** What became of an answer: a closed set, and the metric label of the same name. `again`: who answered had it already. */
export const ANSWER_RESULTS = ['handed-over', 'again', 'taken', 'over', 'unknown-person', 'not-allowed', 'refused'] as const
export type AnswerResult = (typeof ANSWER_RESULTS)[number]

/** Whether both are the same person, however they are called. */
export function isSame(one: Answerer, other: Answerer): boolean {
  return one.via === other.via && (one.person ?? one.by) === (other.person ?? other.by)
}

/** Says who has it, as each message, refusal and answer does. */
export function handedText({ by, at }: HandedOver): string {
  return `${by} has it since ${new Date(at).toISOString()}`
}

/** What a message says of who has the affair; undefined where nobody took it over. */
export interface ToldHandOver {
  readonly by: string
  readonly at: string
}

/** Adds who has it to a message, so that no channel shows it as open for somebody to take. */
export function withHandOver(message: Message, { by, at }: HandedOver): Message {
  const told: ToldHandOver = { by, at: new Date(at).toISOString() }
  return { ...message, details: { ...message.details, handedOver: told } }
}

/** The same message once nobody has the affair any more, because it was over and is back. */
export function withoutHandOver(message: Message): Message {
  const { handedOver: _had, ...details } = message.details
  return { ...message, details }
}

/**
 * A call for people about an affair that somebody has is none any more: it changes what was told, and pages nobody. Other messages
 * stay as they are.
 */
export function callAfterHandOver(message: Message): Message {
  if (message.event !== 'needs-people') return message
  const { group: _group, ...alone } = message
  return { ...alone, event: 'update', onlyWhereTold: true }
}

/** Whether somebody has the affair of this message. */
export function isHandedOver({ details }: Pick<Message, 'details'>): boolean {
  return details['handedOver'] !== undefined
}
