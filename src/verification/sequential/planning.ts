import { absoluteBet, EFFECTS, relativeBet } from './bet.ts'
import { type Comparison, levelsOf, type WatchSettings } from './settings.ts'

/** What the traffic is like, or is expected to be. */
export interface Traffic {
  /** Requests per second of the new version. */
  readonly newPerSecond: number
  /** Requests of the old version for each of the new one’s. */
  readonly oldPerNew: number
  readonly oldShare: number
  readonly newShare: number
}

/** What the best of the bets gains from one request of the new version, on the average; not above zero: it proves nothing, ever. */
function gainPerRequest(comparison: Comparison, direction: 'worse' | 'fine', margin: number, traffic: Traffic): number {
  const limit = direction === 'worse' ? comparison.worse : comparison.fine[margin]
  if (limit === undefined) return Number.NEGATIVE_INFINITY
  const expected = {
    old: { requests: traffic.oldPerNew, bad: traffic.oldPerNew * traffic.oldShare },
    new: { requests: 1, bad: traffic.newShare }
  }
  return Math.max(
    ...EFFECTS.map(effect =>
      limit.kind === 'relative'
        ? relativeBet(direction, effect, limit.margin, expected).gain
        : absoluteBet(direction, effect, limit.share, expected).gain
    )
  )
}

export interface Progress {
  readonly settings: WatchSettings
  readonly comparison: Comparison
  readonly direction: 'worse' | 'fine'
  /** The index of the margin that a pass is tried with. */
  readonly margin?: number
  /** The evidence that is there already, as a logarithm. */
  readonly log: number
}

/** About how many more requests of the new version prove it one way, if the traffic goes on like this; undefined: none ever do. */
export function requestsToProve({ settings, comparison, direction, margin, log }: Progress, traffic: Traffic): number | undefined {
  const gain = gainPerRequest(comparison, direction, margin ?? 0, traffic)
  if (!(gain > 0)) return undefined
  const levels = levelsOf(settings)
  // A failure counts the comparison’s weight in the mean, and both begin at a half: the first copy has that weight.
  const whole = Math.log(1 / levels[direction]) + (direction === 'worse' ? Math.log(1 / comparison.weight) : 0)
  const missing = log <= 0 ? whole + Math.log(EFFECTS.length) + Math.LN2 : Math.max(0, whole - log)
  return (comparison.dispersion * missing) / gain
}

/**
 * About how many seconds it takes to fail a version whose share of bad requests is `traffic.newShare`; never less than the blocks that
 * a failure needs. Undefined where that share is tolerated. Within a fifth of what is simulated for independent errors.
 */
export function secondsToFail(settings: WatchSettings, comparison: Comparison, traffic: Traffic): number | undefined {
  const requests = requestsToProve({ settings, comparison, direction: 'worse', log: 0 }, traffic)
  if (requests === undefined) return undefined
  return Math.max(settings.badBlocks * settings.counting.blockSeconds, requests / traffic.newPerSecond)
}
