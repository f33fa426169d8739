import type { Margin } from '../../domain/margin.ts'
import { EFFECTS, type Limit } from './bet.ts'
import type { CountingSettings } from './counting/counting.ts'
import { capFor, capForAtLeast, capLeaving } from './evidence.ts'

/** What the new version is compared with. Chosen before the first block, and never switched. */
export const BASELINES = ['concurrent', 'before', 'concurrent-and-before', 'objective'] as const
export type Baseline = (typeof BASELINES)[number]

/** One comparison of one part: several make up a verdict, with weights that are fixed and add up to 1 over all parts. */
export interface Comparison {
  readonly with: 'concurrent' | 'before' | 'objective'
  readonly weight: number
  /** How many times more than independent errors the counts vary; at least 1. */
  readonly dispersion: number
  /** What it takes to fail. Undefined where there is nothing that a failure could rest on: then it cannot fail. */
  readonly worse?: Limit
  /** What it takes to pass, the tightest tolerance first; one for each of the watch’s `fine` margins. Empty: it cannot pass. */
  readonly fine: readonly Limit[]
}

/** One thing that is counted: the errors, or the requests slower than one boundary. */
export interface PartSettings {
  /** `errors`, `latency`: parts of one metric share its weight. */
  readonly metric: string
  /** For people: `errors`, `slower than 0.25 s`. */
  readonly name: string
  readonly tolerated: Margin
  /** The margins that a pass is tried with, the tightest first. */
  readonly fine: readonly Margin[]
  readonly comparisons: readonly Comparison[]
}

/** What the old version did before the deploy, as far as it matters to an objective. */
export type ObjectiveBefore = 'met' | 'missed' | 'first-deploy' | 'unknown'

/** All that a watch rests on, fixed before its first block. Plain data. */
export interface WatchSettings {
  readonly baseline: Baseline
  readonly counting: CountingSettings
  /** The chance of failing a version that is within the tolerance, all parts together, however often one looks. */
  readonly alpha: number
  /** The chance of passing a version that is beyond what a pass tolerates. */
  readonly beta: number
  /** No pass before this. */
  readonly soakSeconds: number
  /** Inconclusive after this. */
  readonly deadlineSeconds: number
  /** Bad blocks that a failure needs at least. */
  readonly badBlocks: number
  readonly parts: readonly PartSettings[]
  readonly objectiveBefore?: ObjectiveBefore
  /** Sentences on what is counted and what is known from before, said with every verdict. */
  readonly said: readonly string[]
}

/** What holds where nobody chose otherwise. */
export const DEFAULTS = {
  alpha: 0.01,
  beta: 0.05,
  tolerated: { ratio: 1.2, add: 0.0005 },
  toleratedLatency: { ratio: 1.25, add: 0.005 },
  /** What a pass tolerates: the tightest that is proven is told. */
  fine: [
    { ratio: 1.5, add: 0.002 },
    { ratio: 2, add: 0.005 }
  ],
  blockSeconds: 15,
  soakSeconds: 300,
  deadlineSeconds: 600,
  latencyWarmUpSeconds: 75
} as const

/** An old version that fails so many of its requests is no model. */
export const UNHEALTHY_SHARE = 0.05

/** A new copy of the evidence starts every so many seconds, whatever the length of a block. */
export const RESTART_SECONDS = 60

/** The blocks that a failure needs cover at least this: a start that fails for ten seconds fails no release. */
const LEAST_BAD_SECONDS = 20

/** A pass takes twice as many blocks as a failure, and so does a failure where nothing is known of how the errors come. */
const TWICE = 2

/** The blocks that a failure needs at least: two, and at least 20 s of them; twice as many where the dispersion is not known. */
export function badBlocksFor(blockSeconds: number, dispersion: 'known' | 'unknown'): number {
  const blocks = Math.max(2, Math.ceil(LEAST_BAD_SECONDS / blockSeconds))
  return dispersion === 'known' ? blocks : TWICE * blocks
}

/** A start that fails for so long, in seconds, must not fail a release. */
const BAD_START = 10

/**
 * Seconds after a pod became Ready of which all is counted in one block. Pods are scraped at different times, so that a bad start shows
 * for its own length and a block more. Where that is as many blocks as a failure needs, what pods do at first is held together.
 */
export function settleSecondsFor(blockSeconds: number, badBlocks: number): number {
  return Math.ceil(BAD_START / blockSeconds) + 1 < badBlocks ? 0 : BAD_START
}

/** A verdict that rests on the past gives a tenth of its error to the past’s own uncertainty. */
export const PAST_SHARE = 0.1

/** The level that the evidence of a failure must reach, and that of a pass. */
export function levelsOf({ baseline, alpha, beta }: Pick<WatchSettings, 'baseline' | 'alpha' | 'beta'>): {
  readonly worse: number
  readonly fine: number
} {
  const rest = baseline === 'before' || baseline === 'concurrent-and-before' ? 1 - PAST_SHARE : 1
  return { worse: alpha * rest, fine: beta * rest }
}

/** The most that one block may add to a comparison’s evidence of each kind. */
export function capsOf(settings: WatchSettings, { weight }: Comparison): { readonly worse: number; readonly fine: number } {
  const levels = levelsOf(settings)
  const { badBlocks } = settings
  return {
    worse: Math.min(
      capFor(levels.worse, weight, EFFECTS.length, badBlocks),
      capForAtLeast(badBlocks, levels.worse),
      capLeaving(levels.worse, weight, badBlocks)
    ),
    fine: capFor(levels.fine, 1, EFFECTS.length, TWICE * badBlocks)
  }
}

/** A watch of more blocks than this would be too much to keep: four hours of 5 s. */
const LONGEST_SECONDS = 4 * 3_600

/** What is wrong with numbers that people may choose, as sentences; empty where nothing is. */
export function wrongNumbers(
  numbers: Pick<WatchSettings, 'alpha' | 'beta' | 'soakSeconds' | 'deadlineSeconds'> & { readonly blockSeconds: number }
): readonly string[] {
  const { alpha, beta, soakSeconds, deadlineSeconds, blockSeconds } = numbers
  const wrong = (holds: boolean, sentence: string): readonly string[] => (holds ? [] : [sentence])
  return [
    ...wrong(alpha > 0 && alpha <= 0.2, `alpha is ${alpha}: above 0, at most 0.2`),
    ...wrong(beta > 0 && beta <= 0.2, `beta is ${beta}: above 0, at most 0.2`),
    ...wrong(blockSeconds >= 5 && blockSeconds <= 300, `a block of ${blockSeconds} s: at least 5 s, at most 300 s`),
    ...wrong(
      soakSeconds >= 0 && soakSeconds <= deadlineSeconds,
      `the soak of ${soakSeconds} s is longer than the deadline of ${deadlineSeconds} s`
    ),
    ...wrong(deadlineSeconds <= LONGEST_SECONDS, `the deadline of ${deadlineSeconds} s is too far: at most ${LONGEST_SECONDS} s`)
  ]
}
