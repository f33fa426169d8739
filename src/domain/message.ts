/**
 * What a message says to its readers. `needs-people`: somebody must look. `approval`: somebody must decide. `update`: an earlier
 * message has changed. `over`: nobody needs to look any more.
 */
export const MESSAGE_EVENTS = ['needs-people', 'approval', 'update', 'over'] as const
export type MessageEvent = (typeof MESSAGE_EVENTS)[number]

/** What a message is about. `astern doctor --send-test` sends those of kind `test`. */
export const SUBJECT_KINDS = ['run', 'storm', 'loan', 'test'] as const
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
}

export interface QueuedMessage {
  readonly message: Message
  readonly attempts: number
  /** Begins at 1, and grows by one each time that the same key gets another content. */
  readonly revision: number
  /** Until this instant nobody else sends the message. */
  readonly claimedUntil: number
}

/** What became of one attempt to deliver. `refused` is final: another attempt cannot help. */
export type Delivered = { readonly kind: 'delivered' } | { readonly kind: 'failed' | 'refused'; readonly detail: string }

/** A way to people. */
export interface Channel {
  /** The events whose messages this channel gets. It gets each update of a message that it was given (a storm's list) in any case. */
  readonly takes: readonly MessageEvent[]
  send(message: Message, revision: number, signal: AbortSignal): Promise<Delivered>
}

/** A channel as a policy file has it: its kind, and settings that were checked at load. */
export interface ConfiguredChannel {
  readonly kind: string
  readonly settings: unknown
}
