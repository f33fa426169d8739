import { hashOf } from './hashes.ts'
import type { JsonObject } from './json.ts'
import type { ObjectRef } from './objects.ts'

export interface PatchOperation {
  readonly op: 'test' | 'replace' | 'add' | 'remove'
  readonly path: string
  readonly value?: unknown
}

/** The exact write, its preconditions, and a hash of both. Made by a pure function of what was observed. */
export interface Plan {
  readonly action: string
  readonly target: ObjectRef
  /** One line for people: what will be done. */
  readonly summary: string
  /** The command that undoes this write. */
  readonly reverse: string
  readonly write: { readonly kind: 'json-patch'; readonly uid: string; readonly operations: readonly PatchOperation[] }
  /** Template identity before and after; equal for a restart. */
  readonly from: string
  readonly to: string
  /** Set where the identity that is left behind is to be remembered as bad. */
  readonly remembersBad: boolean
  /** What people want to see: revisions, images, who is not chosen and why. */
  readonly facts: JsonObject
  readonly hash: string
}

export function hashPlan(plan: Omit<Plan, 'hash'>): Plan {
  return { ...plan, hash: hashOf({ action: plan.action, target: plan.target, write: plan.write }).slice(0, 16) }
}

/** The annotation on the object that tells which intent wrote it; a crash is judged by it. */
export const INTENT_ANNOTATION = 'astern.dev/intent'

export const INTENT_STATES = ['pending', 'applied', 'refused', 'withdrawn', 'unknown'] as const
export type IntentState = (typeof INTENT_STATES)[number]

/** The plan, durable before it is applied. */
export interface Intent {
  readonly id: string
  readonly runId: string
  readonly step: number
  readonly plan: Plan
  readonly state: IntentState
  readonly createdAt: number
  /** How many times the write was sent; at most twice, the second only after a crash and with the same preconditions. */
  readonly sends: number
}

/** JSON pointer escape of one key (RFC 6901). */
export function pointerKey(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1')
}
