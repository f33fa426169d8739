import type { DecisionFacts } from './decision-facts.ts'
import type { ObjectRef } from './objects.ts'
import type { Outcome } from './outcomes.ts'
import type { Policy } from './policy.ts'
import type { Reason, Refusal } from './reasons.ts'

/** What one stage did, for the record. */
export interface TraceEntry {
  readonly stage: string
  readonly ms: number
  readonly stopped?: Refusal
}

/** "What would you do, and why (not)?" — about an alert, or about a policy on a target. */
export interface DryRunRequest {
  readonly policy: Policy
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly startsAt: number
  readonly target?: ObjectRef
  readonly by: string
}

export interface DryRunAnswer {
  readonly id: string
  readonly outcome: Outcome
  readonly reason: Reason
  readonly detail: string
  /** Stage by stage, with what each one saw. */
  readonly stages: readonly TraceEntry[]
  readonly facts: DecisionFacts
}
