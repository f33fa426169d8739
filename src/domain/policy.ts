import type { TargetKind } from './objects.ts'
import type { Mode } from './outcomes.ts'

/** A policy after load. It is plain JSON, because a run keeps the policy that it began with (rules 1). Durations are milliseconds. */
export interface Policy {
  readonly name: string
  readonly match: readonly string[]
  readonly target: PolicyTarget
  readonly mode: Mode
  readonly changedWithin?: number
  /** Absent where every part of a template makes a version. */
  readonly ignore?: IgnoredParts
  readonly verify: readonly VerificationQuery[]
  readonly steps: readonly PolicyStep[]
  readonly guards: PolicyGuards
  readonly escalate: { readonly after: number; readonly to: readonly string[] }
  /** How often a waiting run is looked at again. */
  readonly recheck: number
}

/** The parts of a template that make no new version: names, or globs of them. */
export interface IgnoredParts {
  readonly annotations: readonly string[]
  /** Of the variables of its containers. */
  readonly env: readonly string[]
}

export const COMPARISONS = ['>', '>=', '<', '<=', '==', '!='] as const
export type Comparison = (typeof COMPARISONS)[number]

export interface Threshold {
  readonly comparison: Comparison
  readonly value: number
}

export interface VerificationQuery {
  readonly name: string
  readonly promql: string
  readonly failWhen: Threshold
  /** How far back the query looks, milliseconds: its longest range selector, or what the policy says. */
  readonly window: number
  /** True where the query is bound to the suspect's pods by `{{ target.pods }}`. */
  readonly boundToPods: boolean
  readonly traffic?: { readonly promql: string; readonly atLeast: number }
  readonly samples: number
  readonly every: number
  /** The newest sample behind the query may be this old, milliseconds. */
  readonly maxAge: number
}

export interface Confirm {
  readonly within: number
  readonly passes: number
  readonly every: number
}

export interface PolicyTarget {
  readonly kind: TargetKind
  readonly namespace: string
  readonly name: string
}

/** The conditions of one rung. The rung is passed over while one of them does not hold. */
export interface StepCondition {
  /** The rung's target changed within so many milliseconds before the symptom. */
  readonly changedWithin?: number
  /** Each holds where its number is as `failWhen` says. In a policy file the field is called `holdsWhen`. */
  readonly queries: readonly VerificationQuery[]
}

export interface PolicyStep {
  readonly action: string
  /** Where the rung acts on another object than the policy's target. */
  readonly target?: PolicyTarget
  readonly when?: StepCondition
  readonly with: Readonly<Record<string, unknown>>
  readonly confirm: Confirm
}

export const BUDGET_SCOPES = ['target', 'namespace', 'policy', 'global'] as const
export type BudgetScope = (typeof BUDGET_SCOPES)[number]

/** At most `limit` writes per `per` milliseconds in the scope. */
export interface Budget {
  readonly limit: number
  readonly per: number
  readonly scope: BudgetScope
}

export interface StormLimits {
  readonly targets: number
  readonly within: number
  readonly calm: number
}

export interface PolicyGuards {
  /** Globs of namespaces that may be written to. */
  readonly namespaces: readonly string[]
  readonly cooldown: number
  readonly budgets: readonly Budget[]
  readonly storm: StormLimits | undefined
}

/** Whether the value is beyond the threshold. */
export function holds(threshold: Threshold, value: number): boolean {
  switch (threshold.comparison) {
    case '>':
      return value > threshold.value
    case '>=':
      return value >= threshold.value
    case '<':
      return value < threshold.value
    case '<=':
      return value <= threshold.value
    case '==':
      return value === threshold.value
    case '!=':
      return value !== threshold.value
  }
}
