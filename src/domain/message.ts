/** Something for people, in the ledger until it is delivered: at least once, told apart by its key. */
export interface Message {
  /** Idempotency key: the same key is the same message, however often it is sent. */
  readonly key: string
  readonly channel: string
  readonly kind: 'escalation' | 'storm' | 'notice'
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
  readonly revision: number
}

/** What became of one attempt. `refused` is final: sending it again cannot help. */
export type Delivered = { readonly kind: 'delivered' } | { readonly kind: 'failed' | 'refused'; readonly detail: string }

/** A way to people. */
export interface Channel {
  readonly name: string
  /** Whether it also takes notices (good news), or only escalations. */
  readonly takesNotices: boolean
  send(message: Message, revision: number, signal: AbortSignal): Promise<Delivered>
}
