import type { JsonObject } from '../base/json.ts'

/**
 * What a message says to its readers. `acted`: Astern wrote, and watches. `needs-people`: somebody must look. `approval`: somebody must
 * decide. `update`: an earlier message has changed. `over`: nobody needs to look any more.
 */
export const MESSAGE_EVENTS = ['acted', 'needs-people', 'approval', 'update', 'over'] as const
export type MessageEvent = (typeof MESSAGE_EVENTS)[number]

/** What a message is about. `astern doctor --send-test` sends those of kind `test`. */
export const SUBJECT_KINDS = ['run', 'storm', 'loan', 'blind', 'test'] as const
export type SubjectKind = (typeof SUBJECT_KINDS)[number]

/** What a message is about. By it a channel finds the thread that it continues, or the page that it resolves. */
export interface Subject {
  readonly kind: SubjectKind
  readonly id: string
}

/** A message for people. The ledger keeps it until it is delivered, at least once; receivers know a repetition by its key. */
export interface Message {
  /** Idempotency key: the same key is the same message, however often it is sent. */
  readonly key: string
  readonly channel: string
  readonly subject: Subject
  readonly event: MessageEvent
  readonly title: string
  readonly text: string
  readonly severity: 'critical' | 'warning' | 'info'
  readonly runId?: string
  readonly incidentId?: string
  readonly labels: Readonly<Record<string, string>>
  readonly details: Readonly<Record<string, unknown>>
  /** Messages of one group are one message on each channel: the first, updated with a count. It is no part of what is sent. */
  readonly group?: string
  /** The channel gets it only if it was told of the affair before. It is no part of what is sent. */
  readonly onlyWhereTold?: true
  /** It is no part of the channel's conversation: it holds up no other message. It is no part of what is sent. */
  readonly apart?: true
}

/**
 * How an affair stands in a channel. `begun`: Astern works on it. `handed-over`: people have it. `resolved`: people had it, and its alerts
 * went away. `over`: it is over for another reason, such as a confirmed recovery.
 */
export const AFFAIR_STATES = ['begun', 'handed-over', 'resolved', 'over'] as const
export type AffairState = (typeof AFFAIR_STATES)[number]

/** The label of the alerts that Astern itself posts to an Alertmanager. */
export const OWN_LABEL = 'astern_message'

/** What messages with the same subject are about. */
export function affairOf({ kind, id }: Subject): string {
  return `${kind}/${id}`
}

export interface QueuedMessage {
  readonly message: Message
  readonly attempts: number
  /** Begins at 1, and grows by one each time that the same key gets another content. */
  readonly revision: number
  /** Until this instant nobody else sends the message. */
  readonly claimedUntil: number
  /** What the channel remembers of the affair. */
  readonly memory?: JsonObject
}

/** What became of one attempt to deliver. */
export type Delivered =
  /** `remember`: what the channel wants to know when the next message of the affair comes. */
  | { readonly kind: 'delivered'; readonly remember?: JsonObject }
  /** `retryAfterMs`: for so long the channel wants to be left alone. */
  | { readonly kind: 'failed'; readonly detail: string; readonly retryAfterMs?: number }
  /** Another attempt cannot help. */
  | { readonly kind: 'refused'; readonly detail: string }

/** What a channel is told of a message besides the message. */
export interface Sending {
  readonly revision: number
  /** What it remembered of the affair. */
  readonly memory?: JsonObject
}

/** By what a provider knows a sending again: the message's key, and its revision from the second on, for what changed is another. */
export function sendingKey({ key }: Pick<Message, 'key'>, { revision }: Pick<Sending, 'revision'>): string {
  return revision === 1 ? key : `${key}/${revision}`
}

/** A way to people. */
export interface Channel {
  /** The events whose messages this channel gets. It gets each update of a message that it was given (a storm's list) in any case. */
  readonly takes: readonly MessageEvent[]
  /** The events whose messages it gets only where it was told of the affair before. */
  readonly follows: readonly MessageEvent[]
  /** The events whose messages are no part of its conversation about an affair, so that they need no order. Default: none. */
  readonly apart?: readonly MessageEvent[]
  send(message: Message, sending: Sending, signal: AbortSignal): Promise<Delivered>
}

/** A channel as a policy file has it: its kind, and settings that were checked at load. */
export interface ConfiguredChannel {
  readonly kind: string
  readonly settings: unknown
  /** The channel that gets a call for people too, where this one has not taken it. */
  readonly fallback?: Fallback
}

export interface Fallback {
  readonly to: string
  /** Milliseconds since the message was made. A message that the channel refused falls back at once. */
  readonly after: number
}
