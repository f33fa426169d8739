import type { AuditEntry } from '../domain/audit.ts'
import type { TargetLooks } from '../domain/looks.ts'
import type { Message } from '../domain/message.ts'
import type { Intent } from '../domain/plan.ts'
import type { IntentRequest, SettledIntent } from '../domain/ports/ledger.ts'
import type { Refusal } from '../domain/reasons.ts'
import type { Claim, Run, RunChange, RunState } from '../domain/run.ts'
import type { PhasePorts } from './ports.ts'

/** What each phase of one pass over a claimed run gets. */
export interface Pass {
  readonly ports: PhasePorts
  readonly run: Run
  readonly claim: Claim
  readonly signal: AbortSignal
  readonly carried: Carried
  /** Counts one sending of the write before it happens. False where the claim was lost, or the write was sent twice already. */
  readonly countSend: (intentId: string) => Promise<boolean>
}

/** What the earlier phases of a pass found out. A crash loses it, and everything is then measured and read anew. */
export interface Carried {
  /** When the newest deciding sample was taken, Astern's clock. */
  readonly sampledAt?: number
  /** How often a write failed its precondition with the same template. */
  readonly replans: number
  readonly intent?: Intent
}

/** One phase. It reads, and may write to the cluster, but saves nothing itself. */
export type Phase = (pass: Pass) => Promise<Next>

/** What is to happen next. */
export type Next =
  /** The run moves to another state, or stays for now. */
  | Move
  /** The run is to write: lock, budgets and intent are stored in one transaction. */
  | Intend
  /** Another process works on the run: nothing is saved. */
  | { readonly kind: 'lost' }

/** One move of a run's state, and all that is saved together with it. */
export interface Move {
  readonly kind: 'move'
  readonly to: RunState
  /** When the next look is: within this pass, or at an instant (Astern's clock). In the second case the claim is given back. */
  readonly again: 'at-once' | number
  readonly change?: Omit<RunChange, 'state' | 'nextAt'>
  readonly audit: readonly AuditEntry[]
  readonly messages?: readonly Message[]
  /** These messages tell people of the incident. Nothing is written for it any more. */
  readonly told?: boolean
  readonly intent?: SettledIntent
  readonly releaseLock?: boolean
  /** What this phase saw of rollouts, where the next look must know it. */
  readonly looked?: readonly TargetLooks[]
  /** What the phase that follows at once may know. */
  readonly carried?: Carried
}

export interface Intend {
  readonly kind: 'intend'
  readonly request: IntentRequest
  readonly carried: Carried
  /** What happens instead where the lock is taken or a budget is used up. */
  readonly otherwise: (refusal: Refusal) => Promise<Move>
}
