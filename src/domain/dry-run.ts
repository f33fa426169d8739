import type { DecisionFacts } from './decision-facts.ts'
import type { Outcome } from './outcomes.ts'
import type { Reason, Refusal } from './reasons.ts'

/** What one stage of a decision did, as the audit log keeps it. */
export interface TraceEntry {
  readonly stage: string
  readonly ms: number
  readonly stopped?: Refusal
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
