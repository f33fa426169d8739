import type { GuardMetrics } from './guard-metrics.ts'
import type { Margin } from './margin.ts'
import type { ObjectRef } from './objects.ts'
import type { Mode, Outcome } from './outcomes.ts'
import type { PolicyGuards, PolicyStep } from './policy.ts'
import type { Reason } from './reasons.ts'
import type { RunState } from './run.ts'

/**
 * A deploy guard's states: `waiting` until the controller has seen the new version; `watching` both versions; `acting` while the run
 * that it began is not over; `ended` with a result.
 */
export const DEPLOY_GUARD_STATES = ['waiting', 'watching', 'acting', 'ended'] as const
export type DeployGuardState = (typeof DEPLOY_GUARD_STATES)[number]

/** How a deploy guard ends. */
export const DEPLOY_GUARD_RESULTS = {
  pass: 'the new version was proven to be within the tolerance',
  unchanged: 'the template is the one that runs already: nothing to judge',
  'rolled-back': 'the new version is worse; it was taken back, and the old one serves well again',
  failed: 'the new version is worse, and it was not taken back, or that did not help',
  inconclusive: 'nothing could be proven either way',
  superseded: 'another version was deployed meanwhile',
  unreachable: 'the cluster could not be read',
  stopped: 'somebody stopped the guard'
} as const
export type DeployGuardResult = keyof typeof DEPLOY_GUARD_RESULTS

/** What the new version is compared with. */
export const GUARD_BASELINES = ['concurrent', 'before', 'concurrent-and-before', 'objective'] as const
export type GuardBaseline = (typeof GUARD_BASELINES)[number]

/** How pods are read where no Prometheus has their numbers. */
export const POD_ROADS = ['direct', 'proxy', 'off'] as const
export type PodRoad = (typeof POD_ROADS)[number]

/** What a guard was asked to do. Two requests for the same version must have the same options. Durations in milliseconds. */
export interface DeployGuardOptions {
  /** No pass before this (`--for`). */
  readonly soak: number
  /** Inconclusive after this (`--timeout`). */
  readonly timeout: number
  /** How long a fresh pod's latency does not count (`--warm-up`). */
  readonly warmUp?: number
  readonly baseline: GuardBaseline
  /** What is tolerated of errors (`--tolerate`); the judge's own default where absent. */
  readonly tolerated?: Margin
  /** The share of bad requests that an objective allows, 0 … 1. */
  readonly objective?: number
  /** Names of metrics, such as `http-error-ratio`. Empty: whatever is found. */
  readonly metrics: readonly string[]
  /** The revision to wait for, as `kubectl rollout history` numbers it. */
  readonly revision?: number
  /** An image that the new version must have. */
  readonly image?: string
  readonly onFail: 'rollback' | 'report'
  /** Decides everything and writes nothing. */
  readonly dryRun: boolean
  readonly pods: PodRoad
}

/** Who made the change, as CI says: a claim, shown and never decided by. */
export interface ChangeClaim {
  readonly commit?: string
  readonly author?: string
  readonly url?: string
}

/** A request for a guard, checked and within the bounds of its entry. */
export interface DeployGuardRequest {
  readonly target: ObjectRef
  /** The name of the credential that asked. */
  readonly by: string
  readonly options: DeployGuardOptions
  readonly change: ChangeClaim
}

/** The version that is judged. */
export interface JudgedVersion {
  readonly uid: string
  readonly identity: string
  readonly revision?: number
  readonly images: readonly string[]
  /** When it was rolled out, API server's clock. */
  readonly changedAt: number
  /** The version that it replaces; absent at a first deploy. */
  readonly replaces?: { readonly identity: string; readonly revision?: number; readonly images: readonly string[] }
}

export interface GuardTally {
  readonly requests: number
  readonly bad: number
}

/** One thing that is counted: the errors, or the requests slower than one boundary. */
export interface GuardPart {
  readonly metric: string
  readonly name: string
  readonly old: GuardTally
  readonly new: GuardTally
  /** New ÷ old share of bad requests, with bounds that hold at all times. */
  readonly ratio?: { readonly estimate?: number; readonly lower: number; readonly upper?: number }
  readonly tolerated: string
  readonly proven?: string
  /** 0 … 1, of the evidence that a failure or a pass needs. */
  readonly evidenceToFail: number
  readonly evidenceToPass: number
}

/** How the watch stands. `text` is for people; its first line says it all. */
export interface GuardStanding {
  readonly kind: 'watching' | 'pass' | 'fail' | 'inconclusive'
  /** What is awaited, while it watches. */
  readonly awaits?: string
  /** Which kind of inconclusive. */
  readonly because?: string
  readonly baseline: GuardBaseline
  readonly compared: string
  readonly guarantee?: string
  /** Since the deploy. */
  readonly seconds: number
  readonly parts: readonly GuardPart[]
  readonly worst?: string
  readonly notes: readonly string[]
  readonly text: readonly string[]
}

/** A metric that is only reported: it decides nothing. */
export interface GuardReported {
  readonly name: string
  /** When it was asked for, Astern's clock. */
  readonly at: number
  readonly value?: number
  /** Why there is no number. */
  readonly why?: string
}

/** The run that a failing guard began. */
export interface GuardRun {
  readonly id: string
  readonly state: RunState
  readonly wrote: boolean
  readonly outcome?: Outcome
  readonly reason?: Reason
  readonly detail?: string
}

/** A watch over one rollout, as the ledger keeps it and the API shows it. Instants are epoch milliseconds, Astern's clock. */
export interface DeployGuard {
  readonly id: string
  readonly target: ObjectRef
  readonly by: string
  readonly createdAt: number
  readonly options: DeployGuardOptions
  readonly change: ChangeClaim
  /** The entry of `guards:` that it runs under; absent where none covers the target: it only reports then. */
  readonly entry?: GuardPolicy
  readonly state: DeployGuardState
  /** Absent while it waits. */
  readonly version?: JudgedVersion
  /** What was found before the first block, and what it means: sentences. */
  readonly said: readonly string[]
  readonly standing?: GuardStanding
  /** The metrics that decide nothing, as they were last; absent where none was asked for. */
  readonly reported?: readonly GuardReported[]
  /** What Kubernetes itself shows to be failing, with the pod's name. */
  readonly failing?: string
  /** What is awaited right now, in a few words. */
  readonly awaits?: string
  readonly run?: GuardRun
  readonly result?: DeployGuardResult
  /** The sentence that goes with the result. */
  readonly detail?: string
  readonly endedAt?: number
  /** When it is looked at next. */
  readonly nextAt: number
}

/** An entry of `guards:` in a policy file: what guards of its namespaces may do. Durations in milliseconds. */
export interface GuardPolicy {
  readonly name: string
  readonly mode: Mode
  /** Namespaces, cooldown, budgets, storm: as of a policy. */
  readonly guards: PolicyGuards
  readonly steps: readonly PolicyStep[]
  readonly escalate: { readonly after: number; readonly to: readonly string[] }
  readonly recheck: number
  /** The widest margin that may be asked for. */
  readonly widest: Margin
  /** The loosest objective that may be asked for, 0 … 1. Where it is absent, every one may. */
  readonly objective?: number
  /** The metrics that may be asked for by name. */
  readonly metrics: readonly string[]
  /** What is asked of those that are not counted pod by pod; absent in a guard that an earlier version of Astern began. */
  readonly asked?: GuardMetrics
}
