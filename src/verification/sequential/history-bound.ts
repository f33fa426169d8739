import { risingRoot } from './root.ts'
import type { Tally } from './tally.ts'

/** Chernoff's exponent of seeing `bad` of `requests` where the share is really `share`, bad requests taken as Poisson. */
function exponent({ requests, bad }: Tally, share: number): number {
  return requests * share - bad - (bad === 0 ? 0 : bad * Math.log((requests * share) / bad))
}

/** The highest share of bad requests that a history leaves credible: it is exceeded with a chance of at most `level`. */
export function highestShare(history: Tally, level: number): number {
  const needed = Math.log(1 / level)
  if (history.bad === 0) return needed / history.requests
  const seen = history.bad / history.requests
  // Where u·N − X − X·ln(u·N/X) = L, u·N ≤ X + L + √(2·X·L + L²) at the most.
  const most = (history.bad + needed + Math.sqrt(2 * history.bad * needed + needed * needed)) / history.requests
  return risingRoot(share => exponent(history, share) - needed, seen, most * (1 + 1e-9))
}

/** The lowest credible share of bad requests, in the same way; 0 where none was bad. */
export function lowestShare(history: Tally, level: number): number {
  if (history.bad === 0) return 0
  const needed = Math.log(1 / level)
  return risingRoot(share => needed - exponent(history, share), 0, history.bad / history.requests)
}
