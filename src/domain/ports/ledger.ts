import type { AuditEntry, AuditRow } from '../audit.ts'
import type { DeployMarker } from '../change.ts'
import type { Delivery, Incident, IncidentAnswer } from '../incident.ts'
import type { Delivered, Message, QueuedMessage } from '../message.ts'
import type { ObjectRef } from '../objects.ts'
import type { Mode, Outcome } from '../outcomes.ts'
import type { Intent, IntentState, Loan, Plan } from '../plan.ts'
import type { Budget, Policy, StormLimits } from '../policy.ts'
import type { Claim, ClaimedRun, Run, RunChange, RunKind, RunState } from '../run.ts'
import type { ObservedTemplate } from '../workload.ts'

/** The kill switch that can be thrown at run time; durable. */
export interface SwitchState {
  readonly mode: Mode
  readonly reason: string
  readonly by: string
  readonly at: number
}

/** Many targets at once: nothing is written until `calmAt`. */
export interface StormState {
  readonly id: string
  readonly startedAt: number
  readonly lastAt: number
  readonly calmAt: number
  /** How many distinct targets. */
  readonly count: number
  /** The first of them by name, at most {@link STORM_LISTED}: a list of tens of thousands helps nobody, and would be written for each. */
  readonly targets: readonly string[]
}

/** Targets that a storm's message lists; the rest is a number, and `astern runs`. */
export const STORM_LISTED = 200

/** What the ledger knows of a target. */
export interface TargetFacts {
  /** The newest ended run that wrote to it, other than the one that asks. */
  readonly lastRun?: { readonly id: string; readonly endedAt: number }
  /** The run that works on it now. */
  readonly lockedBy?: string
  readonly bad: readonly { readonly identity: string; readonly at: number; readonly runId: string }[]
  readonly observed: readonly ObservedTemplate[]
  readonly incidents: readonly { readonly id: string; readonly from: number; readonly to?: number }[]
  /** What the asking run itself made: template identities, revisions of releases. */
  readonly ownWrites: readonly string[]
  /** Deploy markers of the last day, newest first. */
  readonly markers: readonly DeployMarker[]
}

/** What admission decided about a new incident. */
export interface Admission {
  readonly incident: Incident
  readonly at: number
  /** Absent where no policy matches. */
  readonly run?: { readonly id: string; readonly policy: Policy; readonly target?: ObjectRef; readonly targetUid?: string }
  /** The incident's run ended well and the alert is back: people are told, nothing is written (facts E.3). */
  readonly messages?: readonly Message[]
  readonly audit: readonly AuditEntry[]
}

export interface IntentRequest {
  readonly id: string
  readonly step: number
  readonly plan: Plan
  /** Locked besides the target: its owner, and what that owns (rules 3). */
  readonly locks: readonly string[]
  readonly budgets: readonly Budget[]
  readonly now: number
  readonly audit: readonly AuditEntry[]
}

export type IntentResult =
  | { readonly kind: 'stored'; readonly intent: Intent }
  | { readonly kind: 'lost' }
  | { readonly kind: 'busy'; readonly by: string }
  | { readonly kind: 'budget'; readonly budget: Budget; readonly used: number }
  /** This step of this run was written already. */
  | { readonly kind: 'exists'; readonly intent: Intent }

/** What became of an intent. */
export interface SettledIntent {
  readonly id: string
  readonly state: IntentState
  /** The template identity that the write left, where the plan could not tell. */
  readonly left?: string
}

/** All that is saved together with a run's change, in one transaction. */
export interface SaveRequest {
  readonly change: RunChange
  readonly audit: readonly AuditEntry[]
  readonly messages?: readonly Message[]
  /** People are told of the incident by these messages: nothing is written for it any more. */
  readonly told?: boolean
  readonly intent?: SettledIntent
  readonly releaseLock?: boolean
  /** This pass is over: the claim is given back. */
  readonly release?: boolean
}

/** What became of a request for a run. */
export interface AskedRun {
  readonly id: string
  readonly state: 'started' | 'under-way'
}

export interface RunFilter {
  readonly state?: RunState
  readonly outcome?: Outcome
  readonly policy?: string
  readonly target?: string
  readonly kind?: RunKind
  readonly incident?: string
}

export interface Page<T> {
  readonly items: readonly T[]
  readonly next?: string
}

export interface AuditFilter {
  readonly runId?: string
  readonly incidentId?: string
  readonly after?: number
}

export interface IntakeLedger {
  /** Stores the delivery and its incidents; resolves after the commit is on disk. Concurrent calls share commits. */
  receive(delivery: Delivery): Promise<readonly IncidentAnswer[]>
  /** Deliveries that wait for their commit. */
  pending(): number
}

export interface IncidentLedger {
  unadmitted(limit: number): Promise<readonly Incident[]>
  admit(admissions: readonly Admission[], storm: StormLimits | undefined): Promise<void>
  /** Open incidents without a heartbeat since then. */
  idle(lastSeenBefore: number, limit: number): Promise<readonly Incident[]>
  /** Ends idle incidents, or counts them as seen where a source still knows them. */
  settleIdle(expired: readonly string[], alive: readonly string[], now: number): Promise<void>
  incident(id: string): Promise<Incident | undefined>
  /** The uid of an incident's target, once it was read: it then counts for the storm brake. */
  targetExists(incidentId: string, uid: string, storm: StormLimits | undefined, now: number): Promise<void>
  storm(now: number): Promise<StormState | undefined>
}

export interface RunLedger {
  claimDue(owner: string, now: number, leaseMs: number, limit: number): Promise<readonly ClaimedRun[]>
  nextDue(): Promise<number | undefined>
  renew(claim: Claim, now: number, leaseMs: number): Promise<boolean>
  /** False when the claim was lost: nothing was saved. */
  save(claim: Claim, request: SaveRequest, now: number): Promise<boolean>
  claimIntent(claim: Claim, request: IntentRequest): Promise<IntentResult>
  /** Counts one sending of the write; false when the claim was lost or it was sent twice already. */
  countSend(claim: Claim, intentId: string): Promise<boolean>
  intentOf(runId: string, step: number): Promise<Intent | undefined>
  /** @param also keys of what the target belongs to, such as its release */
  targetFacts(target: ObjectRef, also: readonly string[], runId: string, now: number): Promise<TargetFacts>
  budgetUse(
    budgets: readonly Budget[],
    target: ObjectRef,
    policy: string,
    now: number
  ): Promise<readonly { readonly budget: Budget; readonly used: number }[]>
  /** Begins a run that was asked for. While one of the same key is not over, that one is answered, and nothing is stored. */
  begin(run: Run, key: string, audit: readonly AuditEntry[]): Promise<AskedRun>
  saveDryRun(run: Run, audit: readonly AuditEntry[]): Promise<void>
  run(id: string): Promise<Run | undefined>
  runOfIncident(incidentId: string): Promise<Run | undefined>
  runs(filter: RunFilter, cursor: string | undefined, limit: number): Promise<Page<Run>>
  runCounts(): Promise<Readonly<Record<string, number>>>
}

export interface OutboxLedger {
  /** Messages that are due, each to one caller only until `until`; whoever dies with one leaves it to the next. */
  claimMessages(now: number, until: number, limit: number): Promise<readonly QueuedMessage[]>
  /** Stores what became of a claimed message and gives the claim back. `nextAt`: when a failed one is tried again. */
  messageSent(queued: QueuedMessage, result: Delivered, nextAt: number, now: number): Promise<void>
  undelivered(): Promise<number>
  /** When a message is due that nobody has; of one that is being sent, when its claim runs out. */
  nextMessageAt(): Promise<number | undefined>
}

export interface SwitchLedger {
  switchState(): Promise<SwitchState>
  setSwitch(state: SwitchState): Promise<void>
}

export interface NewDeployMarker extends DeployMarker {
  /** The workload, by its key; or the release that was deployed. */
  readonly of: string
}

export interface ChangeLedger {
  /** The same id twice is one marker. */
  recordMarker(marker: NewDeployMarker, audit: readonly AuditEntry[]): Promise<void>
  latestObserved(uid: string): Promise<ObservedTemplate | undefined>
  recordObserved(target: ObjectRef, template: ObservedTemplate): Promise<void>
}

export interface AuditLedger {
  append(entries: readonly AuditEntry[]): Promise<void>
  audit(filter: AuditFilter, limit: number): Promise<readonly AuditRow[]>
}

/** What a run borrowed and is not given back yet. */
export interface HeldLoan {
  readonly id: string
  readonly runId: string
  readonly plan: Plan
  readonly loan: Loan
  /** How often people were reminded. */
  readonly reminders: number
}

/** `returned`: it is as it was. `kept`: somebody changed it since, and it is theirs. */
export const LOAN_STATES = ['held', 'returned', 'kept'] as const
export type LoanState = (typeof LOAN_STATES)[number]

export interface LoanLedger {
  /** What is borrowed now, what is due next first; at most `limit`. */
  heldLoans(limit: number): Promise<readonly (HeldLoan & { readonly nextAt: number })[]>
  /** Loans that are due, each to one caller only until `until`. */
  claimLoans(now: number, until: number, limit: number): Promise<readonly HeldLoan[]>
  settleLoan(
    id: string,
    settled: {
      readonly state: LoanState
      readonly nextAt: number
      readonly reminders?: number
      readonly audit: readonly AuditEntry[]
      readonly messages: readonly Message[]
    },
    now: number
  ): Promise<void>
}

/** The database of incidents, runs, budgets and the audit log. Nothing here is promised that only one database can keep. */
export interface Ledger extends IntakeLedger, IncidentLedger, RunLedger, OutboxLedger, LoanLedger, SwitchLedger, ChangeLedger, AuditLedger {
  /** Throws where the ledger does not take writes. */
  checkWritable(): Promise<void>
  /** Deletes raw deliveries, and everything else that is over, from before these instants. */
  prune(deliveriesBefore: number, elseBefore: number): Promise<void>
  close(): Promise<void>
}
