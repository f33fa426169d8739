import type { WatchState } from './judge.ts'
import { type Learned, learn, NOTHING_LEARNED } from './known-dispersion.ts'
import type { WatchSettings } from './settings.ts'

/** What is learned of one target, by the name of the part. Plain data, kept with the target. */
export type LearnedParts = Readonly<Record<string, Learned>>

/** What is known of a target’s bursts after a watch. Only a watch that was passed teaches: else a bad version’s errors would be noise. */
export function learnFrom(settings: WatchSettings, state: WatchState, before: LearnedParts): LearnedParts {
  const { decision } = state
  if (decision?.kind !== 'pass') return before
  const more = settings.parts.flatMap(({ name, comparisons }, index) => {
    const concurrent = comparisons.findIndex(comparison => comparison.with === 'concurrent')
    const tested = state.parts[index]?.comparisons[concurrent]?.tested ?? []
    return [[name, learn(before[name] ?? NOTHING_LEARNED, decision.at, tested)] as const]
  })
  return { ...before, ...Object.fromEntries(more) }
}
