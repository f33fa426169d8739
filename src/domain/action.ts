import type { Clock } from '../base/clock.ts'
import type { TargetKind } from './objects.ts'
import type { Owner } from './owner.ts'
import type { Plan, Write, WriteIntent } from './plan.ts'
import type { Cluster, FailedTool, WriteResult } from './ports/cluster.ts'
import type { Kube } from './ports/kube.ts'
import type { Reason, Refusal } from './reasons.ts'
import type { Right } from './rights.ts'
import type { Touched } from './touched.ts'
import type { ObservedTemplate, Workload } from './workload.ts'

/** What every action reaches the world through. What only one action needs is given to that action when it is made. */
export interface Tools {
  readonly kube: Kube
  readonly cluster: Pick<Cluster, 'write' | 'owners' | 'isNamespaced' | 'around' | 'clockOffset'>
  readonly clock: Clock
}

/** What the templates of a step may refer to. */
export interface StepValues {
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

/** What an action may look at when it plans, besides its own options. */
export interface PlanSituation {
  readonly workload: Workload
  readonly observed: readonly ObservedTemplate[]
  /** Versions that the ledger remembers as bad for this target: template identities, `release@number`. */
  readonly bad: readonly string[]
  /** When incidents of this target were open, as `[from, to]`; an incident that is open has no `to`. API server's clock. */
  readonly incidents: readonly { readonly from: number; readonly to?: number }[]
  /** Versions, as in `bad`, in whose time the queries failed: they are not proven, though no incident says so. */
  readonly unproven: readonly string[]
  /** Template identities that a deploy guard passed: they need not have run for long. */
  readonly passed: readonly string[]
  readonly owners: readonly Owner[]
  readonly values: StepValues
  readonly now: number
}

/** What an action gets when the flow asks it for a plan. */
export interface PlanRequest extends PlanSituation {
  /** The step's `with:`, as the policy has it. */
  readonly with: Readonly<Record<string, unknown>>
}

export interface Refused {
  readonly kind: 'refused'
  readonly refusal: Refusal
}

export type PlanResult<W extends Write = Write> =
  | {
      readonly kind: 'plan'
      readonly plan: Plan<W>
      readonly proof?: Proof
      /** What Astern may not look at of all that the version needs that the plan goes back to. */
      readonly notLookedAt?: readonly string[]
    }
  | Refused

/** When the version that a plan goes back to proved itself. The flow asks the queries about that time before it believes it. */
export interface Proof {
  /** The version, as `PlanSituation.unproven` names it. */
  readonly of: string
  /** API server's clock. */
  readonly from: number
  readonly to: number
}

/** The answer of planning, and of the look before it, where the step may not be taken. */
export function refused(reason: Reason, detail: string, more: Pick<Refusal, 'facts' | 'until'> = {}): Refused {
  return { kind: 'refused', refusal: { reason, detail, ...more } }
}

/**
 * What the cluster shows of an intent's write, after a crash or later. `moving`: it is being done right now. `unclear`: the
 * cluster does not show whether it was made, and it must not be sent again. An object: the program that made it failed.
 */
export type Effect = 'seen' | 'not-seen' | 'superseded' | 'moving' | 'unclear' | FailedTool

/** How far a write that was made has come. `did` is something that the action did on the way, such as removing a stuck pod. */
export type Watched =
  | { readonly state: 'complete'; readonly detail: string; readonly did?: string }
  | {
      readonly state: 'moving'
      readonly detail: string
      readonly did?: string
      /** What holds it up, in words that stay the same while it does. */
      readonly cause?: string
      /** Somebody asked not to be asked again for so many milliseconds. */
      readonly lookAgainMs?: number
    }
  | { readonly state: 'failed'; readonly detail: string }

/** One look at what was written. */
export interface Look {
  /** The target as it is now. */
  readonly workload: Workload
  /** When it was written, API server's clock. */
  readonly since: number
  /** False while the switch is lowered: the action then does nothing more on the way. */
  readonly mayWrite: boolean
}

/** Whether a write that leaves the template alone still stands: the object and its template are those of the plan. */
export function templateStands({ plan }: WriteIntent, workload: Workload): boolean {
  return workload.uid === plan.uid && workload.identity === plan.from
}

/** How far the rollout has come that a write began. */
export function watchedRollout({ rollout }: Workload, since: number): Watched {
  const { state, detail, available, stalledBy, progressedAt } = rollout
  // A rollout that was complete once may be unhealthy by now: the pods must be there at this moment.
  if (state === 'complete' && available) return { state: 'complete', detail }
  // The condition is sticky: a deadline that was exceeded before the write was that of an earlier rollout (facts B.3).
  const failed = state === 'stalled' && (stalledBy === 'pods' || stalledBy === 'time' || (progressedAt ?? 0) >= since)
  if (failed) return { state: 'failed', detail }
  return { state: 'moving', detail, ...(rollout.cause === undefined ? {} : { cause: rollout.cause }) }
}

/** What a step blames for the symptom: a new template, or a new revision of the release. `nothing`: the step needs no culprit. */
export type Blame = 'template' | 'release' | 'nothing'

/** What is true of an action on every target. */
export interface ActionTraits {
  readonly name: string
  /** One line for `--help`, docs and the timeline. */
  readonly title: string
  readonly kinds: readonly TargetKind[]
  readonly blames: Blame
  /** True where a controller that enforces the target would undo the write. */
  readonly overridesOwner: boolean
  /** True where the action may act while a rollout is under way. Others wait until the rollout is over or stalled. */
  readonly duringRollout?: true
  /** False for a preparation, which cures nothing by itself: the next rung follows at once. */
  readonly cures: boolean
  /** What the action would write besides the target, as far as that is known before it looks at anything there. Pure. */
  touches?(workload: Workload): readonly Touched[]
  /** The rights that planning, writing and watching need in the target's namespace, beyond reading the target. */
  rights(kind: TargetKind): readonly Right[]
  /** Rights by which planning sees more. Without one the plan says what it did not look at. */
  readonly looks?: readonly Right[]
}

/** Makes plans. */
export interface ActionPlanner {
  /** Makes the plan. It looks at more than the workload where the plan needs that, and only reads. */
  plan(tools: Tools, request: PlanRequest, signal: AbortSignal): Promise<PlanResult>
}

/**
 * What became of the fields that a write made Astern the owner of. `nothing`: there were none. `kept`: they are still Astern's, and
 * the next deploy may conflict; `detail` says how to mend that.
 */
export type GivenUp =
  | { readonly kind: 'given-up'; readonly detail: string }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'kept'; readonly detail: string }

/** Carries plans out, and finds out what became of them. */
export interface ActionWriter<W extends Write = Write> {
  /** Makes the plan's write. With `dryRun` the other side checks it and stores nothing. Never throws for what the other side does. */
  apply(tools: Tools, intent: WriteIntent<W>, options: { readonly dryRun: boolean }, signal: AbortSignal): Promise<WriteResult>
  /** Whether the write of this intent was made. */
  effect(intent: WriteIntent<W>, workload: Workload, tools: Tools, signal: AbortSignal): Effect | Promise<Effect>
  /**
   * For how many milliseconds a write that was sent may still appear by itself, because the program that carries it out
   * outlives Astern. Until then Astern does not send it again, though it does not see it.
   */
  lingers?(plan: Plan<W>): number
  /** Whether a write that is known to have been made still stands, or somebody wrote over it. Pure. */
  stands(intent: WriteIntent<W>, workload: Workload): boolean
  /** How far the write has come. An action without it is watched by the target's rollout. */
  watch?(tools: Tools, plan: Plan<W>, look: Look, signal: AbortSignal): Promise<Watched>
  /**
   * Gives up the fields that the write, or giving back what it borrowed, made Astern the owner of, so that the next deploy finds no
   * conflict. A second call changes nothing more. Absent where the write leaves no field of a manifest.
   */
  giveUpFields?(tools: Tools, plan: Plan<W>, signal: AbortSignal): Promise<GivenUp>
}

/** Looks after what a plan borrowed. */
export interface ActionLender<W extends Write = Write> {
  /** Gives back what the plan borrowed (`loan.kind: return`), if it still is as Astern left it. A second call changes nothing more. */
  giveBack?(tools: Tools, plan: Plan<W>, signal: AbortSignal): Promise<WriteResult>
  /** Whether people still have to give back what the plan borrowed (`loan.kind: remind`). */
  lent?(tools: Tools, plan: Plan<W>, signal: AbortSignal): Promise<'yes' | 'no' | 'unknown'>
}

/** An action as the flow knows it. The types of its own options and writes are in `src/actions/typed-action.ts`. */
export interface Action extends ActionTraits, ActionPlanner, ActionWriter, ActionLender {}
