import type { Clock } from '../base/clock.ts'
import type { TargetKind } from './objects.ts'
import type { Owner } from './owner.ts'
import type { Plan, Write, WriteIntent } from './plan.ts'
import type { Cluster, WriteResult } from './ports/cluster.ts'
import type { Kube } from './ports/kube.ts'
import type { Reason, Refusal } from './reasons.ts'
import type { Right } from './rights.ts'
import type { ObservedTemplate, Workload } from './workload.ts'

/** What every action reaches the world through. What only single actions need is given to them when they are made. */
export interface Tools {
  readonly kube: Kube
  readonly cluster: Pick<Cluster, 'write' | 'owners' | 'clockOffset'>
  readonly clock: Clock
}

/** What templates of a step may name. */
export interface StepValues {
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

/** What an action may look at when it plans, besides its own options. */
export interface PlanSituation {
  readonly workload: Workload
  readonly observed: readonly ObservedTemplate[]
  /** Remembered as bad for this target: template identities, `release@number`. */
  readonly bad: readonly string[]
  /** When incidents of this target were open: `[from, to]`, `to` absent while open. API server's clock. */
  readonly incidents: readonly { readonly from: number; readonly to?: number }[]
  readonly owners: readonly Owner[]
  readonly values: StepValues
  readonly now: number
}

/** What a plan is asked for with. */
export interface PlanRequest extends PlanSituation {
  /** The step's `with:`, as the policy has it. */
  readonly with: Readonly<Record<string, unknown>>
}

export interface Refused {
  readonly kind: 'refused'
  readonly refusal: Refusal
}

export type PlanResult<W extends Write = Write> = { readonly kind: 'plan'; readonly plan: Plan<W> } | Refused

/** What planning and looking both answer where the step may not be taken. */
export function refused(reason: Reason, detail: string, more: Pick<Refusal, 'facts' | 'until'> = {}): Refused {
  return { kind: 'refused', refusal: { reason, detail, ...more } }
}

/**
 * What of an intent can be seen after a crash, or later. `moving`: it is being done right now. `unclear`: nothing tells, and
 * it must not be sent again.
 */
export type Effect = 'seen' | 'not-seen' | 'superseded' | 'moving' | 'unclear'

/** Where a write that was made stands. `did` is something done on the way, such as a stuck pod removed. */
export type Watched =
  | { readonly state: 'complete'; readonly detail: string; readonly did?: string }
  | { readonly state: 'moving'; readonly detail: string; readonly did?: string }
  | { readonly state: 'failed'; readonly detail: string }

/** One look at what was written. */
export interface Look {
  /** The target as it is now. */
  readonly workload: Workload
  /** When it was written, API server's clock. */
  readonly since: number
  /** False while the switch is lowered: what the plan still has to do on the way waits. */
  readonly mayWrite: boolean
}

/** What stands after a write that leaves the template alone: the same object, with the template that was planned on. */
export function templateStands({ plan }: WriteIntent, workload: Workload): boolean {
  return workload.uid === plan.uid && workload.identity === plan.from
}

/** Where a rollout stands after a write. */
export function watchedRollout({ rollout }: Workload, since: number): Watched {
  const { state, detail, available, brokenPods, progressedAt } = rollout
  // Done is not healthy: the pods must be there now, not only have been.
  if (state === 'complete' && available) return { state: 'complete', detail }
  // A deadline that was exceeded before the write is not this rollout's: the condition is sticky (facts B.3).
  const failed = state === 'stalled' && (brokenPods.length > 0 || (progressedAt ?? 0) >= since)
  return { state: failed ? 'failed' : 'moving', detail }
}

/** What a step blames: a new template, a new revision of the release, or nothing, as what it does needs no culprit. */
export type Blame = 'template' | 'release' | 'nothing'

/** What an action is like, whatever it is used on. */
export interface ActionTraits {
  readonly name: string
  /** One line for `--help`, docs and the timeline. */
  readonly title: string
  readonly kinds: readonly TargetKind[]
  readonly blames: Blame
  /** True where a controller that enforces the target would undo the write. */
  readonly overridesOwner: boolean
  /** True where it may act while a rollout is under way, and not only once it is over or stalled. */
  readonly duringRollout?: true
  /** False for a preparation, after which the next rung follows at once. */
  readonly cures: boolean
  /** What planning, writing and watching take in the target's namespace, beyond reading it. */
  rights(kind: TargetKind): readonly Right[]
}

/** Makes plans. */
export interface ActionPlanner {
  /** Looks at more than the workload where the plan needs it, and plans. Reads only. */
  plan(tools: Tools, request: PlanRequest, signal: AbortSignal): Promise<PlanResult>
}

/** Carries plans out, and tells what became of them. */
export interface ActionWriter<W extends Write = Write> {
  /** Makes the plan's write; with `dryRun`, everything but the storing. Never throws for what the other side does. */
  apply(tools: Tools, intent: WriteIntent<W>, options: { readonly dryRun: boolean }, signal: AbortSignal): Promise<WriteResult>
  /** Whether the write of this intent is there. */
  effect(intent: WriteIntent<W>, workload: Workload, tools: Tools, signal: AbortSignal): Effect | Promise<Effect>
  /**
   * How long, milliseconds, a write that was sent may still come by itself, because what carries it out outlives Astern. Until then
   * one that is not seen is not sent again.
   */
  lingers?(plan: Plan<W>): number
  /** Whether the write, once it is known to have been made, still stands; nobody wrote over it. Pure. */
  stands(intent: WriteIntent<W>, workload: Workload): boolean
  /** Where it is; absent: where the rollout of the target is. */
  watch?(tools: Tools, plan: Plan<W>, look: Look, signal: AbortSignal): Promise<Watched>
}

/** What becomes of what a plan borrowed. */
export interface ActionLender<W extends Write = Write> {
  /** Gives back what the plan borrowed (`loan.kind: return`), if it still is as it was left. Sending it twice does nothing more. */
  giveBack?(tools: Tools, plan: Plan<W>, signal: AbortSignal): Promise<WriteResult>
  /** Whether what the plan borrowed (`loan.kind: remind`) is not given back by people yet. */
  lent?(tools: Tools, plan: Plan<W>, signal: AbortSignal): Promise<'yes' | 'no' | 'unknown'>
}

/** An action as the flow knows it, without the types of its own options and writes (`src/actions/typed-action.ts` has them). */
export interface Action extends ActionTraits, ActionPlanner, ActionWriter, ActionLender {}
