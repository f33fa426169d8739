import type { Refusal } from '../reasons.ts'
import type { Symptom } from '../symptom.ts'
import type { Sample } from '../verdict.ts'
import type { Workload } from '../workload.ts'

/** What a deploy guard proved of the version that its target has now. Instants in Astern's clock. */
export type GuardVerdict =
  | {
      readonly kind: 'stands'
      /** The verdict with its numbers, as a sample that fails. */
      readonly sample: Sample
      readonly symptom: Symptom
      /** When the version that is judged was rolled out. */
      readonly changedAt: number
    }
  | { readonly kind: 'gone'; readonly refusal: Refusal }

/** What a guard’s run asks in place of the queries of a policy. */
export interface GuardEvidence {
  /**
   * Whether the guard found the version to be worse that the workload has now. A verdict that is not fresh any more is confirmed by
   * one more block: what passed meanwhile is no reason to write.
   */
  verdict(guard: string, workload: Pick<Workload, 'uid' | 'identity'>, at: number, signal: AbortSignal): Promise<GuardVerdict>
  /** How the target does after the write, in one block: compared with what the guard saw of the old version. */
  recovery(guard: string, block: { readonly from: number; readonly to: number }, signal: AbortSignal): Promise<Sample>
}
