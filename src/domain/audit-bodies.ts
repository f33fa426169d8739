import type { AlertLimit } from './alert-limits.ts'
import type { Blindness } from './blindness.ts'
import type { DeployMarker } from './change.ts'
import type { DecisionFacts, PassedRung, PlannedFacts } from './decision-facts.ts'
import type { DeployGuardOptions, DeployGuardResult } from './deploy-guard.ts'
import type { ObjectRef } from './objects.ts'
import type { Mode, Outcome } from './outcomes.ts'
import type { Write } from './plan.ts'
import type { WriteResult } from './ports/cluster.ts'
import type { Reason } from './reasons.ts'
import type { Sample, Verdict } from './verdict.ts'

/** What each kind of audit row tells. Instants are epoch milliseconds in Astern's clock; secrets never enter it. */
export interface AuditBodies {
  /** Alerts of a delivery that are over a limit. The others of the delivery were taken. */
  readonly 'alerts-refused': {
    readonly source: string
    readonly delivery: string
    readonly limit: AlertLimit
    readonly allowed: number
    readonly count: number
    /** The first of them: their places in the delivery, and their names. */
    readonly first: readonly string[]
  }
  /** An alert fires that no open incident is of. */
  readonly 'incident-opened': {
    readonly source: string
    readonly labels: Readonly<Record<string, string>>
    readonly startsAt: number
    /** Absent where no delivery told so: the queries did. */
    readonly delivery?: string
    /** The incident of the episode before. */
    readonly follows?: string
  }
  /** It fires again soon after it was resolved. `times`: how often this incident did so. */
  readonly 'incident-reopened': { readonly delivery: string; readonly startsAt: number; readonly times: number }
  readonly 'incident-resolved': { readonly delivery: string }
  readonly 'incident-expired': { readonly why: string }
  /** It says it all. */
  readonly 'no-policy-matches': Readonly<Record<never, never>>
  readonly 'run-started': {
    readonly policy: string
    readonly mode: Mode
    /** Absent where the policy's templates name no object for this alert. */
    readonly target?: ObjectRef
    readonly labels: Readonly<Record<string, string>>
    /** Absent in a dry run: it never waits. */
    readonly escalatesAt?: number
  }
  readonly 'run-reopened': { readonly why: string }
  readonly decision: Acts | Holds
  /** The plan, durable before it is applied. */
  readonly intent: {
    readonly intent: string
    readonly action: string
    readonly target: ObjectRef
    /** The plan's hash. */
    readonly plan: string
    readonly summary: string
    readonly reverse: string
    /** Whole: as it will be sent. */
    readonly write: Write
  }
  readonly 'intent-withdrawn': {
    readonly intent: string
    readonly reason: Reason
    readonly detail: string
    /** How many times the write was sent before. */
    readonly sends: number
  }
  readonly write: {
    readonly result: WriteOutcome
    readonly detail: string
    readonly intent: string
    readonly action: string
    readonly target: ObjectRef
    /** The plan's hash. */
    readonly plan: string
    /** Template identities before and after; `to` is absent where only reading it after the write tells. */
    readonly from: string
    readonly to?: string
    readonly reverse: string
  }
  /** `held`: something holds it up, or something else does by now. */
  readonly rollout: { readonly step: number; readonly state: 'complete' | 'held'; readonly detail: string }
  /** Something done while the rollout moved, such as a stuck pod removed. */
  readonly 'on-the-way': { readonly step: number; readonly did: string }
  readonly confirmation: {
    readonly step: number
    readonly verdict: Verdict
    /** Passing samples in a row, of so many that are needed. */
    readonly passes: number
    readonly needed: number
    readonly sample: Sample
  }
  readonly 'next-step': {
    readonly step: number
    readonly from: string
    readonly to?: string
    readonly why: string
    /** Absent where the rung was a preparation, which cures nothing. */
    readonly sample?: Sample
  }
  readonly concluded: {
    readonly outcome: Outcome
    readonly reason?: Reason
    readonly facts?: DecisionFacts
    readonly detail: string
    /** Absent in a dry run. */
    readonly step?: number
    readonly wrote: boolean
    /** The command that undoes what was written. */
    readonly reverse?: string
    /** The command that mends what a failed program left. */
    readonly repair?: string
  }
  readonly told: People
  /** Whom a run would have told that must tell nobody. */
  readonly 'would-tell': People
  readonly delivered: Attempt
  readonly 'delivery-failed': Attempt & {
    readonly detail: string
    /** True where sending it again cannot help. */
    readonly final: boolean
  }
  readonly switch: { readonly mode: Mode; readonly reason: string; readonly by: string }
  readonly 'policies-loaded': {
    readonly version: string
    readonly policies: number
    /** The ceiling of the process that begins; absent where policies were loaded anew. */
    readonly mode?: Mode
  }
  readonly storm: {
    readonly storm: string
    readonly targets: number
    /** Milliseconds. */
    readonly within: number
  }
  /** `of`: the key of the workload, or of the release that was deployed. */
  readonly 'deploy-marker': DeployMarker & { readonly of: string }
  /** What became of the fields that a write made Astern the owner of. `kept`: the next deploy may conflict. */
  readonly 'fields-given-up': {
    readonly step: number
    readonly result: 'given-up' | 'kept'
    readonly detail: string
    readonly intent: string
    readonly action: string
    readonly target: ObjectRef
  }
  readonly 'loan-returned': ToldLoan & { readonly result?: ReturnResult; readonly detail: string }
  readonly 'loan-kept': ToldLoan & { readonly result: ReturnResult; readonly detail: string }
  readonly reminded: ToldLoan & { readonly detail: string }
  /** Somebody asked for a deploy guard. `entry`: what of the policies allows it to write; absent where nothing does. */
  readonly 'guard-started': OfGuard & { readonly by: string; readonly options: DeployGuardOptions; readonly entry?: string }
  /** The version that it judges, and all that was fixed before the first block. */
  readonly 'guard-judges': OfGuard & { readonly version: string; readonly replaces?: string; readonly said: readonly string[] }
  /** Astern is blind in this way, and these channels are told. */
  readonly 'blindness-began': {
    readonly blindness: Blindness
    readonly id: string
    readonly detail: string
    readonly told: readonly string[]
  }
  /** It sees again. */
  readonly 'blindness-over': { readonly blindness: Blindness; readonly id: string; readonly detail: string }
  /** `grounds`: the verdict with its numbers, in words. */
  readonly 'guard-ended': OfGuard & {
    readonly result: DeployGuardResult
    readonly detail: string
    readonly grounds: readonly string[]
    /** The run that it began. */
    readonly run?: string
  }
  /** Somebody took the affair of a run over. */
  readonly 'handed-over': {
    readonly by: string
    readonly via: 'api' | 'slack'
    /** Team id and user id in Slack. */
    readonly person?: string
    readonly reason?: string
    /** Astern also stops watching what it wrote. */
    readonly stopsWatching: boolean
    /** The run's state at that moment. */
    readonly state: string
  }
}

interface OfGuard {
  readonly guard: string
  readonly target: ObjectRef
}

/** How far a decision came, on which rung. */
interface Decided {
  readonly step: number
  readonly action?: string
  readonly stages: readonly { readonly stage: string; readonly ms: number }[]
  /** Rungs before it whose conditions did not hold; absent where there are none. */
  readonly passed?: readonly PassedRung[]
}

/** Everything speaks for the write. */
export interface Acts extends Decided, PlannedFacts {
  readonly verdict: 'act'
}

/** `would act`: a dry run that only its mode, or the switch, keeps from writing. */
export interface Holds extends Decided {
  readonly verdict: 'hold' | 'would act'
  readonly reason: Reason
  readonly detail: string
  readonly facts?: DecisionFacts
}

/** `answered`: the server said so. `observed`: its effect was seen. `failed`: the program that made it failed half-way. */
export type WriteOutcome = 'answered' | 'observed' | 'refused' | 'failed' | 'unknown'

interface People {
  readonly channels: readonly string[]
  /** The storm that they are told of. */
  readonly storm?: string
  /** The source and target whose alerts share one message. It counts the run, and that counts as told. */
  readonly group?: { readonly source: string; readonly target: string }
  readonly why?: string
}

/** One sending of a message. */
interface Attempt {
  readonly channel: string
  /** The message's idempotency key. */
  readonly key: string
  readonly attempt: number
}

interface ToldLoan {
  readonly loan: string
  readonly action: string
  readonly target: ObjectRef
}

/** What became of giving something back; one that is not known is looked at again, and not told. */
export type ReturnResult = Exclude<WriteResult['kind'], 'unknown' | 'not-now'>
