import type { ObjectRef } from './objects.ts'
import type { StormLimits } from './policy.ts'

/** Many targets have trouble at once. Nothing is written until `calmAt`. */
export interface StormState {
  readonly id: string
  readonly startedAt: number
  readonly lastAt: number
  readonly calmAt: number
  /** How many distinct targets. */
  readonly count: number
  /** The first of them by name, at most {@link STORM_LISTED}. A list of tens of thousands helps nobody, and each target would store it. */
  readonly targets: readonly string[]
}

/** Asks whether a storm may be coming, from the view of a run that is about to write to the target. */
export interface StormQuestion {
  readonly target: ObjectRef
  readonly limits: StormLimits
}

/** So many targets have young incidents that it would be a storm, and some of them were not sampled yet. Both are counted no further than needed. */
export interface StormLooming {
  readonly targets: number
  readonly notSampled: number
}

/** How many targets a storm's message lists. The message counts the rest, and `astern runs` lists them. */
export const STORM_LISTED = 200
