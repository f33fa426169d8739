import { hashOf } from '../base/hashes.ts'
import type { JsonObject } from '../base/json.ts'
import type { ObjectRef } from './objects.ts'

export interface PatchOperation {
  readonly op: 'test' | 'replace' | 'add' | 'remove'
  readonly path: string
  readonly value?: unknown
}

/** A patch of one object of the API, with its preconditions as `test` operations. */
export interface PatchWrite {
  readonly kind: 'json-patch'
  readonly path: string
  readonly operations: readonly PatchOperation[]
  /** How the intent's mark is set: as one annotation more, as the first one, or (in a status) not at all. */
  readonly mark: 'add' | 'first' | 'none'
}

/** A number of pods, through the scale subresource. `from` and the uid must be found, and its resourceVersion goes along. */
export interface ScaleWrite {
  readonly kind: 'scale'
  readonly path: string
  readonly from: number
  readonly replicas: number
}

/** Evictions: each pod goes only if it still is this very one, and only if its disruption budget allows. */
export interface EvictionWrite {
  readonly kind: 'eviction'
  readonly namespace: string
  readonly pods: readonly { readonly name: string; readonly uid: string }[]
}

/** `helm rollback`. Helm has no precondition: `latest` is read right before, and the one made must be the next. */
export interface HelmWrite {
  readonly kind: 'helm-rollback'
  readonly release: string
  readonly namespace: string
  readonly latest: number
  readonly to: number
  readonly arguments: readonly string[]
}

/** Requests that change something outside the cluster's API, or in a pod. */
export interface HttpWrite {
  readonly kind: 'http'
  readonly requests: readonly HttpCall[]
  /** How they are sent: which files hold headers, never what they hold. */
  readonly options: {
    readonly headersFromFiles?: Readonly<Record<string, string>>
    readonly timeout?: string
    readonly expect?: readonly number[]
  }
}

export interface HttpCall {
  /** Whom it is for: a pod's name, or the host. */
  readonly to: string
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly url: string
  readonly body?: string
  readonly contentType?: string
}

export type Write = PatchWrite | ScaleWrite | EvictionWrite | HelmWrite | HttpWrite

/** The exact write, its preconditions, and a hash of both. Made by a pure function of what was observed. */
export interface Plan {
  readonly action: string
  readonly target: ObjectRef
  /** One line for people: what will be done. */
  readonly summary: string
  /** The command that undoes this write. */
  readonly reverse: string
  /** Of the target: another object of the same name is another target. */
  readonly uid: string
  readonly write: Write
  /** Template identity before and after; equal where the template stays. Absent where only reading it after the write tells. */
  readonly from: string
  readonly to?: string
  /** The revision of a release that the write makes, as `namespace/name@number`. */
  readonly makes?: string
  /** What is remembered as bad for the target: template identities, `release@number`. */
  readonly bad: readonly string[]
  /** What must be given back, or reminded of, later. */
  readonly loan?: Loan
  /** What people want to see: revisions, images, who is not chosen and why. */
  readonly facts: JsonObject
  readonly hash: string
}

/** What Astern borrowed: it gives it back by itself (`return`), or reminds people that they must (`remind`). */
export interface Loan {
  readonly kind: 'return' | 'remind'
  /** One line for people. */
  readonly summary: string
  /** Milliseconds after the recovery (`return`), or between two reminders. */
  readonly after: number
  /** At the latest, milliseconds after the write. */
  readonly atMost: number
  readonly write: PatchWrite | ScaleWrite
}

export function hashPlan(plan: Omit<Plan, 'hash'>): Plan {
  return { ...plan, hash: hashOf({ action: plan.action, target: plan.target, write: plan.write }).slice(0, 16) }
}

/** The annotation on the object that tells which intent wrote it; a crash is judged by it. */
export const INTENT_ANNOTATION = 'astern.dev/intent'

/** The operations that mark the object with the intent. */
export function markOperations(mark: PatchWrite['mark'], intent: string): readonly PatchOperation[] {
  switch (mark) {
    case 'add':
      return [{ op: 'add', path: `/metadata/annotations/${pointerKey(INTENT_ANNOTATION)}`, value: intent }]
    case 'first':
      // The map must not be there: adding it would take away what somebody put in meanwhile. A `test` for null holds for nothing.
      return [
        { op: 'test', path: '/metadata/annotations', value: null },
        { op: 'add', path: '/metadata/annotations', value: { [INTENT_ANNOTATION]: intent } }
      ]
    case 'none':
      return []
  }
}

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
