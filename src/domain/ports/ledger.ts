import type { AuditEntry, AuditRow } from '../audit.ts'
import type { DeployMarker } from '../change.ts'
import type { Delivery, Incident, IncidentAnswer } from '../incident.ts'
import type { Looks, TargetLooks } from '../looks.ts'
import type { Delivered, Fallback, Message, QueuedMessage } from '../message.ts'
import type { ObjectRef } from '../objects.ts'
import type { Mode, Outcome } from '../outcomes.ts'
import type { Intent, IntentState, Loan, Plan } from '../plan.ts'
import type { Budget, Policy, StormLimits } from '../policy.ts'
import type { Claim, ClaimedRun, Run, RunChange, RunKind, RunState } from '../run.ts'
import type { StormLooming, StormQuestion, StormState } from '../storm.ts'
import type { Symptom } from '../symptom.ts'
import type { ObservedTemplate } from '../workload.ts'
import type { ChangeLedger } from './change-ledger.ts'
import type { EpisodeLedger } from './episode-ledger.ts'
import type { GuardLedger } from './guard-ledger.ts'

/** The switch by which people stop all writes at run time. It is durable. */
export interface SwitchState {
  readonly mode: Mode
  readonly reason: string
  readonly by: string
  readonly at: number
}

/** What the ledger knows of a target. */
export interface TargetFacts {
  /** The newest ended run that wrote to the target, other than the run that asks. */
  readonly lastRun?: { readonly id: string; readonly endedAt: number }
  /** The run that works on the target now. */
  readonly lockedBy?: string
  readonly bad: readonly { readonly identity: string; readonly at: number; readonly runId: string }[]
  readonly observed: readonly ObservedTemplate[]
  /** When the symptom of an incident of this target was there, as it was measured. An alert that was never verified is not among them. */
  readonly incidents: readonly { readonly from: number; readonly to?: number }[]
  /** When a run on the target last confirmed a recovery, Astern's clock. */
  readonly recoveredAt?: number
  /** What the run that asks made itself: template identities, revisions of releases. */
  readonly ownWrites: readonly string[]
  /** Template identities that a deploy guard passed. */
  readonly passed: readonly string[]
  /** Deploy markers of the last day, newest first. */
  readonly markers: readonly DeployMarker[]
}

/** What admission decided about a new incident. */
export interface Admission {
  readonly incident: Incident
  readonly at: number
  /** Absent where no policy matches. */
  readonly run?: { readonly id: string; readonly policy: Policy; readonly ceiling: Mode; readonly target?: ObjectRef }
  /** Set where the incident's run ended well and the alert is back. People are told, and nothing is written (facts E.3). */
  readonly messages?: readonly Message[]
  readonly audit: readonly AuditEntry[]
}

/** What a run needs to write: the intent, the target's lock, and a place in each budget. */
export interface IntentRequest {
  readonly id: string
  readonly step: number
  readonly plan: Plan
  /** What is locked besides the target: its owner, and what that owns (rules 3). */
  readonly locks: readonly string[]
  readonly budgets: readonly Budget[]
  /** The symptom as this decision measured it. */
  readonly symptom: Symptom
  /** By what the symptom counts for a storm. */
  readonly storm?: StormLimits
  readonly now: number
  readonly audit: readonly AuditEntry[]
}

export type IntentResult =
  | { readonly kind: 'stored'; readonly intent: Intent }
  | { readonly kind: 'lost' }
  | { readonly kind: 'busy'; readonly by: string }
  | { readonly kind: 'budget'; readonly budget: Budget; readonly used: number }
  /** This step of this run has an intent already. */
  | { readonly kind: 'exists'; readonly intent: Intent }

/** What became of an intent. */
export interface SettledIntent {
  readonly id: string
  readonly state: IntentState
  /** The template identity that the write left, where the plan did not know it. */
  readonly left?: string
}

/** All that is saved together with a run's change, in one transaction. */
export interface SaveRequest {
  readonly change: RunChange
  readonly audit: readonly AuditEntry[]
  readonly messages?: readonly Message[]
  /** These messages tell people of the incident. Nothing is written for it any more. */
  readonly told?: boolean
  readonly intent?: SettledIntent
  readonly releaseLock?: boolean
  /** By what a symptom that this change measured counts for a storm. */
  readonly storm?: StormLimits
  /** What the looks of this pass saw of rollouts. */
  readonly looked?: readonly TargetLooks[]
  /** This pass is over, and gives its claim back. */
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
  /** How many deliveries wait for their commit. */
  pending(): number
}

/** How many incidents of a source may be admitted without standing in line. */
export interface AdmissionRoom {
  of(source: string): number
  readonly anyInLine: boolean
}

export interface AdmissionLedger {
  /** The incidents that nobody admitted yet and that stand in no line. The sources alternate. */
  unadmitted(limit: number): Promise<readonly Incident[]>
  admissionRoom(now: number): Promise<AdmissionRoom>
  /** Lets incidents stand in the line of their source, each in the lane of its target. None is ever dropped. */
  getInLine(placed: readonly { readonly incident: Incident; readonly target: ObjectRef | undefined }[]): Promise<void>
  /** The incidents in line whose turn it is, as many as the brake of their source lets through at this instant. */
  nextInLine(now: number, limit: number): Promise<readonly Incident[]>
  /** How many stand in line. */
  incidentsInLine(): Promise<number>
}

export interface IncidentLedger extends AdmissionLedger {
  admit(admissions: readonly Admission[]): Promise<void>
  /** The open incidents that had no heartbeat since then. */
  idle(lastSeenBefore: number, limit: number): Promise<readonly Incident[]>
  /** Ends idle incidents. Those that a source still knows count as seen instead. */
  settleIdle(expired: readonly string[], alive: readonly string[], now: number): Promise<void>
  incident(id: string): Promise<Incident | undefined>
  storm(now: number): Promise<StormState | undefined>
  stormLooming(question: StormQuestion, now: number): Promise<StormLooming | undefined>
}

/** How many runs a worker has room for, and how many of each source and target may be under way at once. */
export interface ClaimRoom {
  readonly atMost: number
  readonly perSource: number
  readonly perTarget: number
  /** How many are under way now. */
  readonly sources: ReadonlyMap<string, number>
  readonly targets: ReadonlyMap<string, number>
}

export interface RunLedger {
  /**
   * Claims runs that are due, by turns: the sources alternate, and within each of them the targets. So nobody waits for more than one
   * run of each other source, times the targets of its own.
   */
  claimDue(owner: string, now: number, leaseMs: number, room: number | ClaimRoom): Promise<readonly ClaimedRun[]>
  nextDue(): Promise<number | undefined>
  renew(claim: Claim, now: number, leaseMs: number): Promise<boolean>
  /** False where the claim was lost: nothing was saved. */
  save(claim: Claim, request: SaveRequest, now: number): Promise<boolean>
  claimIntent(claim: Claim, request: IntentRequest): Promise<IntentResult>
  /** Counts one sending of the write. False where the claim was lost, or the write was sent twice already. */
  countSend(claim: Claim, intentId: string): Promise<boolean>
  intentOf(runId: string, step: number): Promise<Intent | undefined>
  /** @param also keys of what the target belongs to, such as its release */
  targetFacts(target: ObjectRef, also: readonly string[], runId: string, now: number): Promise<TargetFacts>
  /** What earlier looks at the target saw of its rollout, whoever looked. */
  looks(target: ObjectRef): Promise<Looks | undefined>
  budgetUse(
    budgets: readonly Budget[],
    target: ObjectRef,
    policy: string,
    now: number
  ): Promise<readonly { readonly budget: Budget; readonly used: number }[]>
  /** Begins a run that was asked for. While a run of the same key is not over, it answers with that run and stores nothing. */
  begin(run: Run, key: string, audit: readonly AuditEntry[]): Promise<AskedRun>
  saveDryRun(run: Run, audit: readonly AuditEntry[], looked?: readonly TargetLooks[]): Promise<void>
  run(id: string): Promise<Run | undefined>
  runOfIncident(incidentId: string): Promise<Run | undefined>
  runs(filter: RunFilter, cursor: string | undefined, limit: number): Promise<Page<Run>>
  runCounts(): Promise<Readonly<Record<string, number>>>
}

export interface OutboxLedger {
  /**
   * Claims messages that are due, each for one caller only, until `until`. After that the next caller may claim it.
   * @param limit of each channel, so that one with many messages leaves room for the others
   * @param busy channels of which nothing is claimed; default none
   */
  claimMessages(now: number, until: number, limit: number, busy?: readonly string[]): Promise<readonly QueuedMessage[]>
  /** Stores what became of a claimed message and gives the claim back. `nextAt`: when a failed one is tried again. */
  messageSent(queued: QueuedMessage, result: Delivered, nextAt: number, now: number): Promise<void>
  undelivered(): Promise<number>
  /**
   * When the next message is due. A message that somebody is sending is due when that claim runs out, and one of a channel that is left
   * alone when that is over.
   * @param busy channels whose messages do not count; default none
   */
  nextMessageAt(busy?: readonly string[]): Promise<number | undefined>
  /** Gives calls for people that a channel does not take to its fallback, and ends the affairs of storms that are calm. */
  tendMessages(fallbacks: ReadonlyMap<string, Fallback>, now: number): Promise<void>
}

export interface SwitchLedger {
  switchState(): Promise<SwitchState>
  setSwitch(state: SwitchState): Promise<void>
}

export interface AuditLedger {
  append(entries: readonly AuditEntry[]): Promise<void>
  audit(filter: AuditFilter, limit: number): Promise<readonly AuditRow[]>
}

/** Something that a run borrowed and that is not given back yet. */
export interface HeldLoan {
  readonly id: string
  readonly runId: string
  readonly plan: Plan
  readonly loan: Loan
  /** How often people were reminded. */
  readonly reminders: number
}

/** `returned`: it is as it was before. `kept`: somebody changed it meanwhile, and it stays as they left it. */
export const LOAN_STATES = ['held', 'returned', 'kept'] as const
export type LoanState = (typeof LOAN_STATES)[number]

export interface LoanLedger {
  /** What is borrowed now, at most `limit`. What is due first comes first. */
  heldLoans(limit: number): Promise<readonly (HeldLoan & { readonly nextAt: number })[]>
  /** Claims loans that are due, each for one caller only, until `until`. */
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

/** The database of incidents, runs, budgets and the audit log. It promises nothing that only one kind of database could keep. */
export interface Ledger
  extends IntakeLedger,
    IncidentLedger,
    EpisodeLedger,
    RunLedger,
    OutboxLedger,
    LoanLedger,
    GuardLedger,
    SwitchLedger,
    ChangeLedger,
    AuditLedger {
  /** Throws where the ledger does not take writes. */
  checkWritable(): Promise<void>
  /** Deletes raw deliveries from before the first instant, and everything else that was over before the second. */
  prune(deliveriesBefore: number, elseBefore: number): Promise<void>
  close(): Promise<void>
}
