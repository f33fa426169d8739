import type { AuditEntry } from '../audit.ts'
import type { DeployGuard } from '../deploy-guard.ts'
import type { ObjectRef } from '../objects.ts'
import type { Run } from '../run.ts'

/** The right to work on a guard until the claim expires. The fence grows with every claim. */
export interface GuardClaim {
  readonly guardId: string
  readonly owner: string
  readonly fence: number
}

/** A guard that was claimed, and all that it remembers between two looks: JSON of whoever watches. */
export interface ClaimedGuard {
  readonly guard: DeployGuard
  readonly claim: GuardClaim
  readonly memory?: string
}

/** All that is saved together after one look, in one transaction. */
export interface GuardSave {
  readonly guard: DeployGuard
  readonly memory?: string
  /** The version's key, once it is known. */
  readonly key?: string
  readonly audit: readonly AuditEntry[]
  /** The run that a failure begins. While a run of the same key is not over, the guard gets that run. */
  readonly run?: { readonly run: Run; readonly key: string; readonly audit: readonly AuditEntry[] }
  /** A run that works on the same affair already. */
  readonly runId?: string
  /** What a pass taught of the target’s bursts: JSON. */
  readonly learned?: string
}

/** Keeps deploy guards. */
export interface GuardLedger {
  /** Keeps a new guard. Where one of the same key is there already, over or not, it answers with that one and stores nothing. */
  beginGuard(
    guard: DeployGuard,
    key: string,
    audit: readonly AuditEntry[]
  ): Promise<{ readonly begun: boolean; readonly guard: DeployGuard }>
  guard(id: string): Promise<DeployGuard | undefined>
  /** What a guard remembers, for the run that it began. */
  guardMemory(id: string): Promise<string | undefined>
  /** The newest first. */
  guards(limit: number, before?: string): Promise<readonly DeployGuard[]>
  /** Those of one target, the newest first. */
  guardsOf(target: ObjectRef, limit: number): Promise<readonly DeployGuard[]>
  /** How many are not over. */
  guardsUnderWay(): Promise<number>
  /** Claims guards that are due, those that waited longest first. */
  claimGuards(owner: string, now: number, leaseMs: number, atMost: number): Promise<readonly ClaimedGuard[]>
  nextGuardDue(): Promise<number | undefined>
  /** False where the claim was lost: nothing was saved. Gives the claim back. */
  saveGuard(claim: GuardClaim, save: GuardSave): Promise<boolean>
  /** Ends a guard that has begun no run; whoever works on it loses its claim. Undefined where there is none. */
  stopGuard(
    id: string,
    ended: { readonly detail: string; readonly endedAt: number },
    audit: readonly AuditEntry[]
  ): Promise<DeployGuard | undefined>
  /** What was learned of the target’s bursts; undefined where nothing was. */
  learnedOf(target: ObjectRef): Promise<string | undefined>
}
