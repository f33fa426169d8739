import type { AuditEntry } from '../domain/audit.ts'
import type { Message } from '../domain/message.ts'
import type { Intent } from '../domain/plan.ts'
import type { IntentRequest, SettledIntent } from '../domain/ports/ledger.ts'
import type { Refusal } from '../domain/reasons.ts'
import type { Claim, Run, RunChange, RunState } from '../domain/run.ts'
import type { PhasePorts } from './ports.ts'

/** One pass over a claimed run, as each of its phases sees it. */
export interface Pass {
  readonly ports: PhasePorts
  readonly run: Run
  readonly claim: Claim
  readonly signal: AbortSignal
  readonly carried: Carried
  /** Counts one sending of the intent's write before it happens; false where the claim was lost, or it was sent twice already. */
  readonly countSend: (intentId: string) => Promise<boolean>
}

/** What a pass knows from its earlier phases. A crash loses it: everything is then measured and read anew. */
export interface Carried {
  /** When the newest deciding sample was taken, Astern's clock. */
  readonly sampledAt?: number
  /** How often a write failed its precondition with the same template. */
  readonly replans: number
  readonly intent?: Intent
}

/** What one phase does: it reads, and may write to the cluster, but saves nothing itself. */
export type Phase = (pass: Pass) => Promise<Next>

/** What is to happen next. */
export type Next =
  /** The run moves, or stays for now. */
  | Move
  /** Everything speaks for the write: lock, budgets and intent, in one transaction. */
  | Intend
  /** Another process works on the run: nothing is saved. */
  | { readonly kind: 'lost' }

/** One move of a run's state, and all that is saved together with it. */
export interface Move {
  readonly kind: 'move'
  readonly to: RunState
  /** When it is looked at next: within this same pass, or at an instant (Astern's clock), until which the claim is given back. */
  readonly again: 'at-once' | number
  readonly change?: Omit<RunChange, 'state' | 'nextAt'>
  readonly audit: readonly AuditEntry[]
  readonly messages?: readonly Message[]
  /** People are told of the incident by these messages: nothing is written for it any more. */
  readonly told?: boolean
  readonly intent?: SettledIntent
  readonly releaseLock?: boolean
  /** The uid of the alert's target, which was seen to exist: it counts for the storm brake from now on. */
  readonly countsForStorm?: string
  /** For the phase that follows at once. */
  readonly carried?: Carried
}

export interface Intend {
  readonly kind: 'intend'
  readonly request: IntentRequest
  readonly carried: Carried
  /** What it comes to where the lock or a budget is not to be had. */
  readonly otherwise: (refusal: Refusal) => Promise<Move>
}
