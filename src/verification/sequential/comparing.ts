import { gains, type Limit } from './bet.ts'
import type { Version } from './counting/scrape.ts'
import { joined, type TimedPair } from './dispersion.ts'
import { addGains, type Evidence, NO_EVIDENCE } from './evidence.ts'
import { logSumExp } from './log-sums.ts'
import { type Comparison, capsOf, RESTART_SECONDS, type WatchSettings } from './settings.ts'
import { NOTHING, type Pair, sum } from './tally.ts'

/** What one comparison has gathered. Plain data. */
export interface ComparisonState {
  /** Blocks without a request of either version are put together with the next ones. The rule looks at requests only. */
  readonly pending: Pair
  readonly pendingFrom?: number
  /** When its first block began: restarts count from there. */
  readonly firstFrom?: number
  readonly worse: Evidence
  readonly fine: readonly Evidence[]
  /** The blocks that were tested, for the bounds of the ratio and for what later rollouts learn; of a relative comparison only. */
  readonly tested: readonly TimedPair[]
}

/** What one closed block has for one part. Times are epoch milliseconds. */
export interface PartBlock {
  readonly from: number
  readonly to: number
  /** Pods that told something of the part. */
  readonly pods: Readonly<Record<Version, number>>
  readonly pair: Pair
}

/** Blocks that are remembered one by one: an hour of 15 s. Beyond, neighbours are joined: they are shown and learned from, not acted on. */
const REMEMBERED = 240

const NO_PAIR: Pair = { old: NOTHING, new: NOTHING }

export function startComparing({ fine }: Comparison): ComparisonState {
  return { pending: NO_PAIR, worse: NO_EVIDENCE, fine: fine.map(() => NO_EVIDENCE), tested: [] }
}

/** A comparison after one more block, of which it tests the pair of its part. */
export function compare(settings: WatchSettings, comparison: Comparison, state: ComparisonState, block: PartBlock): ComparisonState {
  const bothNeeded = comparison.with === 'concurrent'
  // Without a pod of a version, the block has nothing that the other’s requests could be compared with. What waited belongs to another time.
  if (block.pods.new === 0 || (bothNeeded && block.pods.old === 0)) return withoutPending(state)
  const pending: Pair = { old: sum(state.pending.old, block.pair.old), new: sum(state.pending.new, block.pair.new) }
  const pendingFrom = state.pendingFrom ?? block.from
  if (pending.new.requests < 1 || (bothNeeded && pending.old.requests < 1)) return { ...state, pending, pendingFrom }
  const firstFrom = state.firstFrom ?? pendingFrom
  const caps = capsOf(settings, comparison)
  const add = (evidence: Evidence, direction: 'worse' | 'fine', limit: Limit): Evidence =>
    addGains(evidence, gains(direction, limit, pending), {
      dispersion: comparison.dispersion,
      cap: caps[direction],
      restart: pendingFrom - firstFrom >= evidence.copies * RESTART_SECONDS * 1_000 ? 'due' : 'not-yet'
    })
  return {
    ...withoutPending(state),
    firstFrom,
    worse: comparison.worse === undefined ? state.worse : add(state.worse, 'worse', comparison.worse),
    fine: state.fine.map((evidence, index) => {
      const limit = comparison.fine[index]
      return limit === undefined ? evidence : add(evidence, 'fine', limit)
    }),
    tested: bothNeeded ? remember(state.tested, { ...pending, seconds: (block.to - pendingFrom) / 1_000 }) : state.tested
  }
}

function remember(tested: readonly TimedPair[], block: TimedPair): readonly TimedPair[] {
  if (tested.length < REMEMBERED) return [...tested, block]
  const halved = tested.flatMap((one, index) => {
    if (index % 2 === 1) return []
    const next = tested[index + 1]
    return [next === undefined ? one : joined(one, next)]
  })
  return [...halved, block]
}

function withoutPending({ pendingFrom: _from, ...state }: ComparisonState): ComparisonState {
  return { ...state, pending: NO_PAIR }
}

/** The weighted mean of evidences, as a logarithm. The mean is evidence whatever the dependence between them is. */
export function meanEvidence(weighted: readonly { readonly weight: number; readonly log: number }[]): number {
  return (
    logSumExp(weighted.map(({ weight, log }) => Math.log(weight) + log)) - Math.log(weighted.reduce((all, { weight }) => all + weight, 0))
  )
}
