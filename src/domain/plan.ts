import { hashOf } from '../base/hashes.ts'
import type { JsonObject } from '../base/json.ts'
import type { ObjectRef } from './objects.ts'
import type { Touched } from './touched.ts'
import type { WhatChanged } from './what-changed.ts'

export interface PatchOperation {
  readonly op: 'test' | 'replace' | 'add' | 'remove'
  readonly path: string
  readonly value?: unknown
}

/** A JSON patch of one object of the API, with its preconditions as `test` operations. */
interface Patch {
  readonly path: string
  readonly operations: readonly PatchOperation[]
  /** How the intent's mark is set: as one annotation more, as the first one, or (in a status) not at all. */
  readonly mark: 'add' | 'first' | 'none'
}

/** What an action writes. Only the action itself knows its kinds of writes. A write that is a patch has the fields of a patch. */
export interface Write extends Partial<Patch> {
  readonly kind: string
}

/** The write of most actions: a patch that can be sent as it is. */
export interface PatchWrite extends Patch {
  readonly kind: 'json-patch'
}

/** What Astern borrowed. `return`: Astern gives it back by itself. `remind`: Astern reminds people that they must. */
export interface Loan<W extends Write = Write> {
  readonly kind: 'return' | 'remind'
  /** One line for people. */
  readonly summary: string
  /** Milliseconds after the recovery (`return`), or between two reminders. */
  readonly after: number
  /** When it is given back at the latest, milliseconds after the write. */
  readonly atMost: number
  /** The write by which it is given back. */
  readonly write: W
}

/** A plan without its hash. */
export interface PlanDraft<W extends Write = Write> {
  readonly action: string
  readonly target: ObjectRef
  /** One line for people: what will be done. */
  readonly summary: string
  /** The command that undoes this write. */
  readonly reverse: string
  /** The uid of the target: another object of the same name is another target. */
  readonly uid: string
  readonly write: W
  /** Every object that the write changes, or that is written in place of the target. Guards and locks cover them all. */
  readonly touches?: readonly Touched[]
  /** Template identity before and after; equal where the template stays. `to` is absent where it is known only after the write. */
  readonly from: string
  readonly to?: string
  /** The revision of a release that the write makes, as `namespace/name@number`. */
  readonly makes?: string
  /** What the ledger remembers as bad for the target once this is written: template identities, `release@number`. */
  readonly bad: readonly string[]
  /** What Astern must give back later, or remind people of. */
  readonly loan?: Loan<W>
  /** For people only: revisions, images, which candidates were not chosen and why. Nothing that executes reads it. */
  readonly facts: JsonObject
}

/** The exact write, its preconditions, and a hash of both. A pure function makes it of what was observed. */
export interface Plan<W extends Write = Write> extends PlanDraft<W> {
  readonly hash: string
  /** What changed before the symptom, as the decision saw it. For people only; the hash does not cover it. */
  readonly changed?: WhatChanged
}

/** What of a plan is needed to send its patch. */
export type PatchPlan = Omit<Plan<PatchWrite>, 'loan'>

/**
 * Makes a plan of a draft. The hash covers all that is executed and all that decides about it, so that a plan which somebody
 * approved is the one that is executed. It covers none of the words for people (`summary`, `reverse`, `facts`, the loan's
 * `summary`), and a plan holds nothing that changes by itself: an unchanged workload gives the same hash at any time.
 */
export function hashPlan<W extends Write>(draft: PlanDraft<W>): Plan<W> {
  const { summary: _summary, reverse: _reverse, facts: _facts, loan, ...executed } = draft
  const borrowed = loan === undefined ? undefined : { kind: loan.kind, after: loan.after, atMost: loan.atMost, write: loan.write }
  return { ...draft, hash: hashOf({ ...executed, loan: borrowed }).slice(0, 16) }
}

/** The annotation that names the intent which wrote the object. After a crash Astern sees by it whether the write was made. */
export const INTENT_ANNOTATION = 'astern.dev/intent'

/** The operations that mark the object with the intent. */
export function markOperations(mark: PatchWrite['mark'], intent: string): readonly PatchOperation[] {
  switch (mark) {
    case 'add':
      return [{ op: 'add', path: `/metadata/annotations/${pointerKey(INTENT_ANNOTATION)}`, value: intent }]
    case 'first':
      // Adding the map would take away annotations that somebody set meanwhile. The `test` for null holds only while there is no map.
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

/** What an action needs to know of an intent. A dry run has no intent, and uses the id `dry-run`. */
export interface WriteIntent<W extends Write = Write> {
  /** Marks the object that is written. */
  readonly id: string
  readonly plan: Plan<W>
  /**
   * Epoch milliseconds. A write that contains a time contains this one. So the write is the same, to the byte, when Astern sends
   * it once more after a crash.
   */
  readonly createdAt: number
  /** Identity of the template that the server made of the write, once it is known to be made (rules 3). */
  readonly left?: string
}

/** A plan that Astern has decided to carry out. It is durable before the write is sent. */
export interface Intent extends WriteIntent {
  readonly runId: string
  readonly step: number
  readonly state: IntentState
  /** How often the write was sent: at most twice, the second time only after a crash and with the same preconditions. */
  readonly sends: number
}

/** The intent of a dry run. The server stores nothing of a dry run, so its id marks no object. */
export const DRY_RUN_INTENT = 'dry-run'

/** JSON pointer escape of one key (RFC 6901). */
export function pointerKey(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1')
}
