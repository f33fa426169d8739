import type { Baseline } from './settings.ts'
import type { Tally } from './tally.ts'

/** Why a watch ended without a proof either way: one sentence each, which the numbers complete. */
export const INCONCLUSIVE = {
  'objective-missed-before': 'the objective was missed before the deploy already, or it is not known that it was met',
  'source-gone': 'the source of the numbers stopped answering',
  'no-baseline': 'there was nothing to compare the new version with',
  'baseline-gone': 'the old version stopped serving before anything was proven',
  'no-traffic': 'no real requests reached the new version',
  'new-pods-unreadable': 'pods of the new version could not be read, or contradicted themselves',
  'new-version-starved': 'the new version served less than half of what its ready pods could',
  'too-little': 'there were too few requests to prove anything',
  'between-tolerances': 'the new version is worse than what passes, and better than what fails'
} as const
export type Inconclusive = keyof typeof INCONCLUSIVE

/** What is known of one part: what a verdict rests on. */
export interface PartGrounds {
  readonly metric: string
  readonly name: string
  readonly old: Tally
  readonly new: Tally
  /**
   * New ÷ old share of bad requests, with bounds that hold at all times; only while both versions serve. There is no upper one as long as
   * the data allow every ratio.
   */
  readonly ratio?: { readonly estimate?: number; readonly lower: number; readonly upper?: number }
  /** The margin that a failure must be beyond. */
  readonly tolerated: string
  /** The tightest margin that the new version is proven to be within. */
  readonly proven?: string
  /** 0 … 1: of the evidence that a failure needs, on the scale of its logarithm. */
  readonly evidenceToFail: number
  /** 0 … 1: of the evidence that a pass needs. */
  readonly evidenceToPass: number
}

export interface Grounds {
  readonly baseline: Baseline
  /** What the new version was compared with, and what that comparison is worth. */
  readonly compared: string
  /** The chance of a false failure that is proven; only of a concurrent comparison. */
  readonly guarantee?: string
  readonly seconds: number
  readonly parts: readonly PartGrounds[]
  /** The part that is worst. */
  readonly worst?: string
  /** What else must be known to judge the verdict. */
  readonly notes: readonly string[]
}

/** How a watch stands. `text` is for people: the first line says it all. */
export type Standing = { readonly grounds: Grounds; readonly text: readonly string[] } & (
  | { readonly kind: 'watching'; readonly awaits: string }
  | { readonly kind: 'pass' }
  | { readonly kind: 'fail' }
  | { readonly kind: 'inconclusive'; readonly because: Inconclusive }
)
