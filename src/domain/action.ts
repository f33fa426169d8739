import type { Plan } from './plan.ts'
import type { Refusal } from './reasons.ts'
import type { Right } from './rights.ts'
import type { ObservedTemplate, Workload } from './workload.ts'

/** What an action may look at when it plans. */
export interface PlanInput {
  readonly workload: Workload
  readonly with: Readonly<Record<string, unknown>>
  readonly observed: readonly ObservedTemplate[]
  /** Identities remembered as bad for this target. */
  readonly bad: readonly string[]
  /** When incidents of this target were open: `[from, to]`, `to` absent while open. API server's clock. */
  readonly incidents: readonly { readonly from: number; readonly to?: number }[]
  readonly now: number
}

export type PlanResult = { readonly kind: 'plan'; readonly plan: Plan } | { readonly kind: 'refused'; readonly refusal: Refusal }

/** What of an intent can be seen on the target after a crash, or later. */
export type Effect = 'seen' | 'not-seen' | 'superseded'

/**
 * Observe → plan → apply → watch, the contract of every action. `plan` is pure; the cluster reads, applies and watches
 * the same way for all of them.
 */
export interface Action {
  readonly name: string
  /** One line for `--help`, docs and the timeline. */
  readonly title: string
  /** True where the action goes back to an earlier version, so that a change must be to blame (promise 9). */
  readonly blamesChange: boolean
  /** What its write takes, in the target's namespace. */
  readonly rights: readonly Right[]
  plan(input: PlanInput): PlanResult
  /** Whether the write of this plan is there. Pure. */
  effect(plan: Plan, intentId: string, workload: Workload): Effect
}
