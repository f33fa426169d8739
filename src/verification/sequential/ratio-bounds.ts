import { EFFECTS, gains } from './bet.ts'
import { logSumExp } from './log-sums.ts'
import { risingRoot } from './root.ts'
import type { Pair } from './tally.ts'

/** Bounds of new ÷ old share of bad requests that hold at all times together, each with a chance of 1 − `level`. */
export interface RatioBounds {
  readonly lower: number
  /** Infinity as long as the data allow any ratio. */
  readonly upper: number
}

/** Ratios are looked for between a millionth and a million: beyond, "none" and "any" say all there is to say. */
const WIDEST = Math.log(1e6)

/**
 * The confidence sequence of the ratio: all ratios that the evidence has not refuted. No cap and no restarts: it is shown, not acted
 * on.
 */
export function ratioBounds(blocks: readonly Pair[], level: number, dispersion: number): RatioBounds {
  const needed = Math.log(1 / level)
  const against = (direction: 'worse' | 'fine', logRatio: number): number => {
    const totals: number[] = EFFECTS.map(() => 0)
    const limit = { kind: 'relative', margin: { ratio: Math.exp(logRatio), add: 0 } } as const
    for (const block of blocks)
      for (const [index, gain] of gains(direction, limit, block).entries()) totals[index] = (totals[index] ?? 0) + gain
    return logSumExp(totals.map(total => total / dispersion)) - Math.log(EFFECTS.length)
  }
  // The evidence that the new version is worse than a ratio falls as the ratio grows, and the evidence that it is better rises.
  const lower = risingRoot(ratio => needed - against('worse', ratio), -WIDEST, WIDEST)
  const upper = risingRoot(ratio => against('fine', ratio) - needed, -WIDEST, WIDEST)
  return {
    lower: lower <= -WIDEST + 1e-6 ? 0 : Math.exp(lower),
    upper: upper >= WIDEST - 1e-6 ? Number.POSITIVE_INFINITY : Math.exp(upper)
  }
}
