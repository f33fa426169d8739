import type { Margin } from '../../domain/margin.ts'
import type { Pair } from './tally.ts'

/**
 * How much worse than the tolerance the new version may be: the judge bets on five sizes at once, with equal weights. Fixed, for a
 * grid that is chosen after a look at the data proves nothing.
 */
export const EFFECTS = [1.2, 1.5, 2.5, 6, 50] as const

/** `worse` gathers evidence that the new version is beyond the tolerance, `fine` that it is within. */
export const DIRECTIONS = ['worse', 'fine'] as const
export type Direction = (typeof DIRECTIONS)[number]

/** What the evidence is against: a share of bad requests relative to the old version’s, or one fixed limit of it. */
export type Limit = { readonly kind: 'relative'; readonly margin: Margin } | { readonly kind: 'absolute'; readonly share: number }

/** What one bet on one block pays: for each bad request of the new and of the old version, and in all (as logarithms). */
export interface Bet {
  readonly perNew: number
  readonly perOld: number
  readonly gain: number
}

/**
 * One bet against `new ≤ ratio × old + add` (or ≥, for `fine`) on one block in which both versions had requests. While that holds and
 * requests fail independently, the mean of exp(gain) is at most 1, whatever the split of the traffic and the old version’s share is.
 */
export function relativeBet(direction: Direction, effect: number, margin: Margin, block: Pair): Bet {
  const multiple = direction === 'worse' ? effect : 1 / effect
  const odds = (margin.ratio * block.new.requests) / block.old.requests
  const perNew = Math.log((multiple * (1 + odds)) / (1 + multiple * odds))
  const perOld = Math.log((1 + odds) / (1 + multiple * odds))
  const gain = block.new.bad * perNew + block.old.bad * perOld - block.new.requests * margin.add * Math.expm1(perNew)
  return { perNew, perOld, gain }
}

/** One bet against `new ≤ share` (or ≥, for `fine`); the old version does not come into it. */
export function absoluteBet(direction: Direction, effect: number, share: number, block: Pair): Bet {
  const multiple = direction === 'worse' ? effect : 1 / effect
  const perNew = Math.log(multiple)
  return { perNew, perOld: 0, gain: block.new.bad * perNew - block.new.requests * share * (multiple - 1) }
}

/** What every effect’s bet gains on a block, in the order of `EFFECTS`. */
export function gains(direction: Direction, limit: Limit, block: Pair): readonly number[] {
  return EFFECTS.map(effect =>
    limit.kind === 'relative'
      ? relativeBet(direction, effect, limit.margin, block).gain
      : absoluteBet(direction, effect, limit.share, block).gain
  )
}
