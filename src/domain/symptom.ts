import type { Witness } from './change.ts'

/** Since when a symptom is there, by its own queries (rules 2). What a sender says of it decides nothing. */
export interface Symptom {
  /** The first failing point of the stretch that goes on. Astern's clock. */
  readonly since: number
  /** True where the first point that was looked at fails already: the symptom began then, or before. */
  readonly orBefore: boolean
  /** How far apart the points are, milliseconds: the symptom may have begun so much earlier. */
  readonly resolution: number
  /** The names of the queries that were asked. */
  readonly queries: readonly string[]
  /** When this was measured, Astern's clock. */
  readonly measuredAt: number
}

/**
 * Which came first, a change or the symptom. `change-first`: the queries did not fail before the change. `symptom-first`: they did,
 * so the change is not to blame. `unclear`: it lies within what the clocks leave open. `long-before`: the change is older than can
 * be blamed, and the queries were not asked about it.
 */
export const ORDERS = ['change-first', 'symptom-first', 'unclear', 'long-before'] as const
export type Order = (typeof ORDERS)[number]

/** What can change of a target. `image`: a tag names another image. `marker`: CI told of a deployment. */
export const CHANGED = ['template', 'release', 'image', 'marker'] as const
export type Changed = (typeof CHANGED)[number]

/** A change whose time is known, and its order with the symptom. */
export interface DatedChange {
  readonly what: Changed
  /** Astern's clock. */
  readonly at: number
  readonly by: Witness
  readonly order: Order
}

/** The symptom, and the changes of its target, less those that the run itself made. */
export interface Dating {
  readonly symptom: Symptom
  readonly changes: readonly DatedChange[]
  /** The changes whose times are not known, and why. */
  readonly undated: readonly { readonly what: Changed; readonly why: string }[]
}

/** Says since when, for people. */
export function sinceText({ since, orBefore }: Pick<Symptom, 'since' | 'orBefore'>): string {
  return `since ${new Date(since).toISOString()}${orBefore ? ' or before' : ''}`
}

/** The same with who says so. A query over two minutes may tell two minutes late, and nobody can tell by how much: it is not subtracted. */
export function measuredText(symptom: Symptom): string {
  return `The symptom is there ${sinceText(symptom)}, by ${symptom.queries.join(', ')}; their own lag is not subtracted.`
}
