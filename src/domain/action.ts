import type { Clock } from '../base/clock.ts'
import type { TargetKind } from './objects.ts'
import type { Owner } from './owner.ts'
import type { HttpCall, Plan } from './plan.ts'
import type { Cluster, WriteResult } from './ports/cluster.ts'
import type { Helm } from './ports/helm.ts'
import type { Kube } from './ports/kube.ts'
import type { Reason, Refusal } from './reasons.ts'
import type { Right } from './rights.ts'
import type { ObservedTemplate, Workload } from './workload.ts'

/** One request of an action, with everything that keeps it from going where it must not (facts B.7). */
export interface ActionHttp {
  send(
    call: HttpCall,
    options: { readonly headers: Readonly<Record<string, string>>; readonly timeoutMs: number },
    signal: AbortSignal
  ): Promise<
    | { readonly kind: 'response'; readonly status: number; readonly body: string }
    /** `sent`: whether it may have got there. */
    | { readonly kind: 'failed'; readonly sent: boolean; readonly detail: string }
  >
}

/** What actions reach the world through. */
export interface Tools {
  readonly kube: Kube
  readonly cluster: Pick<Cluster, 'write' | 'owners' | 'clockOffset'>
  readonly helm: Helm
  readonly http: ActionHttp
  readonly clock: Clock
  /** Texts of files that a step names; a secret is never in a policy. */
  readonly readFile: (path: string) => string
}

/** What templates of a step may name. */
export interface StepValues {
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

/** What an action may look at when it plans. */
export interface PlanInput {
  readonly workload: Workload
  readonly with: Readonly<Record<string, unknown>>
  readonly observed: readonly ObservedTemplate[]
  /** Remembered as bad for this target: template identities, `release@number`. */
  readonly bad: readonly string[]
  /** When incidents of this target were open: `[from, to]`, `to` absent while open. API server's clock. */
  readonly incidents: readonly { readonly from: number; readonly to?: number }[]
  readonly owners: readonly Owner[]
  readonly values: StepValues
  /** What {@link Action.observe} saw; each action knows its own. */
  readonly seen?: unknown
  readonly now: number
}

export type PlanResult = { readonly kind: 'plan'; readonly plan: Plan } | { readonly kind: 'refused'; readonly refusal: Refusal }

/** What `plan` and `observe` both answer where the step may not be taken. */
export function refused(reason: Reason, detail: string): Extract<PlanResult, { readonly kind: 'refused' }> {
  return { kind: 'refused', refusal: { reason, detail } }
}

export type Observation = { readonly kind: 'seen'; readonly seen: unknown } | { readonly kind: 'refused'; readonly refusal: Refusal }

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
  /** When it was written, API server's clock. */
  readonly since: number
  /** False while the switch is lowered: what the plan still has to do on the way waits. */
  readonly mayWrite: boolean
}

/** What stands after a write that leaves the template alone: the same object, with the template that was planned on. */
export function templateStands(plan: Plan, _intentId: string, workload: Workload): boolean {
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

/** Observe → plan → apply → watch, the contract of every action. `plan` is pure. */
export interface Action {
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
  /** More than the workload, where the plan needs it. Reads only. */
  observe?(tools: Tools, input: Omit<PlanInput, 'seen'>, signal: AbortSignal): Promise<Observation>
  plan(input: PlanInput): PlanResult
  /** Makes the plan's write; with `dryRun`, everything but the storing. Never throws for what the other side does. */
  apply(tools: Tools, plan: Plan, options: { readonly intent: string; readonly dryRun: boolean }, signal: AbortSignal): Promise<WriteResult>
  /** Whether the write of this plan is there. */
  effect(plan: Plan, intentId: string, workload: Workload, tools: Tools, signal: AbortSignal): Effect | Promise<Effect>
  /**
   * How long, milliseconds, a write that was sent may still come by itself, because what carries it out outlives Astern. Until then
   * one that is not seen is not sent again.
   */
  lingers?(plan: Plan): number
  /** Whether the write, once it is known to have been made, still stands; nobody wrote over it. Pure. */
  stands(plan: Plan, intentId: string, workload: Workload): boolean
  /** Gives back what the plan borrowed (`loan.kind: return`), if it still is as it was left. Sending it twice does nothing more. */
  giveBack?(tools: Tools, plan: Plan, signal: AbortSignal): Promise<WriteResult>
  /** Whether what the plan borrowed (`loan.kind: remind`) is not given back by people yet. */
  lent?(tools: Tools, plan: Plan, signal: AbortSignal): Promise<'yes' | 'no' | 'unknown'>
  /** Where it is; absent: where the rollout of the target is. */
  watch?(tools: Tools, plan: Plan, workload: Workload, look: Look, signal: AbortSignal): Promise<Watched>
}
