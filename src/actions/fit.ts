import type { JsonObject } from '../base/json.ts'
import type { Owner } from '../domain/owner.ts'
import type { Refusal } from '../domain/reasons.ts'
import type { Workload } from '../domain/workload.ts'

/**
 * Whether an older version could run here today (rules 2). `no-answer`: the API gives no answer now, so nothing is known; `refusal`: it
 * says why, and when it may.
 */
export type Fit =
  | { readonly kind: 'fits'; readonly notLookedAt: readonly string[] }
  /** `forbidden`: the API server itself refuses it, by a policy of the cluster. */
  | { readonly kind: 'cannot'; readonly why: string; readonly forbidden?: true }
  | { readonly kind: 'no-answer'; readonly detail: string; readonly refusal?: Refusal }

/** An older template of a workload. */
export interface OlderTemplate {
  readonly workload: Workload
  readonly template: JsonObject
  /** How many of its pods are ready now. */
  readonly readyPods?: number
  /** Who declares what the workload is. Where one of them enforces it, nothing is tried: the write is for them to make. */
  readonly owners: readonly Owner[]
  /** What the same write brings along, as `ConfigMap api`. */
  readonly brought?: ReadonlySet<string>
}
