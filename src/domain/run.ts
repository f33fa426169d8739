import type { HandedOver } from './hand-over.ts'
import type { ObjectRef } from './objects.ts'
import type { Mode, Outcome } from './outcomes.ts'
import type { Policy } from './policy.ts'
import type { Reason } from './reasons.ts'
import type { Symptom } from './symptom.ts'
import { begunAt, type RequestTrigger, type Trigger } from './trigger.ts'
import type { Sample } from './verdict.ts'

/**
 * A run's states: `waiting` is looked at again at `nextAt`; `executing` has a durable intent whose result is not known;
 * `watching` has written and confirms; `ended` has an outcome.
 */
export const RUN_STATES = ['waiting', 'executing', 'watching', 'ended'] as const
export type RunState = (typeof RUN_STATES)[number]

export const RUN_KINDS = ['live', 'dry-run'] as const
export type RunKind = (typeof RUN_KINDS)[number]

/**
 * Which state may follow which, and what moves a run there. The ledger refuses every other move. This holds for a pass over the
 * run, for an alert that comes in, and for the recovery at start.
 */
export const RUN_TRANSITIONS: Readonly<Record<RunState, Readonly<Partial<Record<RunState, string>>>>> = {
  waiting: {
    waiting: 'a reason to wait: looked at again',
    executing: 'everything speaks for the write: lock, budgets, intent',
    ended: 'a reason for people, a dry run, the alert is over, the time is up, somebody has taken it over'
  },
  executing: {
    executing: 'the result is not known yet: observed again',
    waiting: 'the intent is withdrawn: checked afresh, or a failed precondition',
    watching: 'the write is there',
    ended: 'refused, or whether it was written cannot be told'
  },
  watching: {
    watching: 'the rollout moves, or samples are still to pass',
    waiting: 'still failing: the next rung',
    ended: 'recovered, ladder used up, whether it helped cannot be told, or somebody stopped the watch'
  },
  ended: {
    waiting: 'the alert is back, and nothing was written'
  }
}

/** Whether a run may go from one state to another, or stay in it. */
export function mayMove(from: RunState, to: RunState): boolean {
  return RUN_TRANSITIONS[from][to] !== undefined
}

/** Every move in the table, in its order. */
export function transitions(): readonly { readonly from: RunState; readonly to: RunState; readonly why: string }[] {
  return RUN_STATES.flatMap(from =>
    RUN_STATES.flatMap(to => {
      const why = RUN_TRANSITIONS[from][to]
      return why === undefined ? [] : [{ from, to, why }]
    })
  )
}

/** What a run remembers after its write, while it watches and confirms. Instants in Astern's clock. */
export interface Progress {
  readonly intentId: string
  readonly appliedAt: number
  readonly generation: number
  readonly deadline: number
  readonly completeAt?: number
  readonly passes: number
  /** What held the rollout up, as it was told last. */
  readonly held?: string
  readonly lastSample?: Sample
}

/** One policy working on one target, because of one trigger. */
export interface Run {
  readonly id: string
  readonly kind: RunKind
  readonly trigger: Trigger
  readonly policy: Policy
  readonly target?: ObjectRef
  readonly state: RunState
  /** Index of the rung of the ladder. */
  readonly step: number
  readonly createdAt: number
  readonly nextAt: number
  readonly endedAt?: number
  readonly outcome?: Outcome
  /** Why the run waits, or why it ended. */
  readonly reason?: Reason
  readonly detail?: string
  /** The service's ceiling when the run began. It never acts above it, whatever the ceiling is by now (rules 1). */
  readonly ceiling: Mode
  /** True once the run has written anything. */
  readonly wrote: boolean
  readonly progress?: Progress
  /** The run of the same policy and target that works for this one too. Until it is over this one asks nothing. */
  readonly parkedBy?: string
  /** Since when it holds its write back, until the other targets that alert are sampled. */
  readonly heldSince?: number
  /** The symptom as it was measured last; absent where it was never confirmed. */
  readonly symptom?: Symptom
  /** Who has taken over its affair. */
  readonly handedOver?: HandedOver
}

/** A person's request for a run, or a dry run, of one policy: on one target, or about one alert. */
export interface RunRequest {
  readonly policy: Policy
  readonly trigger: RequestTrigger
}

/** The right to work on a run until `expiresAt`. The fence grows with every claim, so that what a late owner saves is refused. */
export interface Claim {
  readonly runId: string
  readonly owner: string
  readonly fence: number
}

export interface ClaimedRun {
  readonly run: Run
  readonly claim: Claim
}

export interface RunChange {
  readonly state?: RunState
  readonly step?: number
  readonly nextAt?: number
  readonly outcome?: Outcome
  /** `null` removes the reason. */
  readonly reason?: Reason | null
  readonly detail?: string | null
  readonly wrote?: boolean
  readonly progress?: Progress | null
  /** This look confirmed the symptom, and the run waits for something that concerns its target. It parks the target's other runs. */
  readonly confirmed?: boolean
  readonly heldSince?: number
  readonly symptom?: Symptom
}

/** When the time to act is up. It counts from when Astern first received the trigger, whatever the run does (rules 1). */
export function escalatesAt(run: Pick<Run, 'trigger' | 'policy'>): number {
  return begunAt(run.trigger) + run.policy.escalate.after
}
