/**
 * What a message says to its readers. `needs-people`: somebody must look. `approval`: somebody must decide. `update`: what they were
 * told has changed. `over`: nobody needs to look any more.
 */
export const MESSAGE_EVENTS = ['needs-people', 'approval', 'update', 'over'] as const
export type MessageEvent = (typeof MESSAGE_EVENTS)[number]

/** What messages are about. `test` is what `astern doctor --send-test` sends. */
export const SUBJECT_KINDS = ['run', 'storm', 'loan', 'test'] as const
export type SubjectKind = (typeof SUBJECT_KINDS)[number]

/** Messages of one subject belong together: by it a channel continues a thread, or resolves a page. */
export interface Subject {
  readonly kind: SubjectKind
  readonly id: string
}

/** Something for people, in the ledger until it is delivered: at least once, told apart by its key. */
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
}

export interface QueuedMessage {
  readonly message: Message
  readonly attempts: number
  /** 1, and one more each time that the same key was told with another content. */
  readonly revision: number
  /** Nobody else sends it until then. */
  readonly claimedUntil: number
}

/** What became of one attempt. `refused` is final: sending it again cannot help. */
export type Delivered = { readonly kind: 'delivered' } | { readonly kind: 'failed' | 'refused'; readonly detail: string }

/** A way to people. */
export interface Channel {
  /** Events that it is given messages of. An update of a message that it was given (a storm's list) comes in any case. */
  readonly takes: readonly MessageEvent[]
  send(message: Message, revision: number, signal: AbortSignal): Promise<Delivered>
}

/** A channel as a policy file has it: its kind, and settings that were checked at load. */
export interface ConfiguredChannel {
  readonly kind: string
  readonly settings: unknown
}
