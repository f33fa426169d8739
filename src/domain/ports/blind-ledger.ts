import type { AuditEntry } from '../audit.ts'
import type { BegunBlindness, Blindness } from '../blindness.ts'
import type { Message } from '../message.ts'

/** What people are told of a blindness, saved together with it. */
export interface BlindNews {
  readonly messages: readonly Message[]
  readonly audit: readonly AuditEntry[]
}

/** Keeps what was heard, and how blind Astern is, across restarts. Each change is one transaction with its messages. */
export interface BlindLedger {
  /** When the alert was last heard that always fires, Astern's clock. */
  lastHeard(name: string): Promise<number | undefined>
  /** Those of these alerts, by the hash of their labels, that an open incident is of. */
  openIdentities(identities: readonly string[]): Promise<ReadonlySet<string>>
  blindnesses(): Promise<readonly BegunBlindness[]>
  /** False where one of that kind has begun already: nothing is saved. */
  beginBlindness(begun: BegunBlindness, news: BlindNews): Promise<boolean>
  /** Tells what has changed. False where it is over. */
  changeBlindness(begun: BegunBlindness, news: BlindNews, now: number): Promise<boolean>
  /** False where it was over already. */
  endBlindness(begun: { readonly kind: Blindness; readonly id: string }, news: BlindNews, now: number): Promise<boolean>
}
