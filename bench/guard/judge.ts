import type { Block } from '../../src/verification/sequential/counting/block.ts'
import type { Stretches, TimedPair } from '../../src/verification/sequential/dispersion.ts'
import { decide, startWatch, testBlock, type WatchState } from '../../src/verification/sequential/judge.ts'
import { dispersionOf, learn, NOTHING_LEARNED } from '../../src/verification/sequential/known-dispersion.ts'
import { prepare, type WatchPlan } from '../../src/verification/sequential/prepare.ts'
import type { WatchSettings } from '../../src/verification/sequential/settings.ts'
import type { Tally } from '../../src/verification/sequential/tally.ts'
import { type Scene, TICK } from './scene.ts'
import { between, PODS, type Seen } from './trace.ts'

/** What the judge knows before the deploy. */
export interface Before {
  readonly history: Stretches<readonly Tally[]>
  readonly earlier?: readonly TimedPair[]
}

/** How a watch of the benchmark is set up. */
export interface Setup {
  readonly blockSeconds: number
  readonly seconds: number
  /** With `never`, a good version is watched to the end: that is when a false rollback is likeliest. */
  readonly passes: 'never' | 'as-usual'
}

/** The product’s own settings for a scene, with its own measuring of how bursty the errors are. */
export function settingsFor(scene: Scene, before: Before, { blockSeconds, seconds, passes }: Setup): WatchSettings {
  const learned = before.earlier === undefined ? NOTHING_LEARNED : learn(NOTHING_LEARNED, 0, before.earlier)
  // The share nearest to a half is what counts where it changes.
  const shares = Array.from({ length: seconds / TICK }, (_, tick) => scene.newShare(tick * TICK))
  const newShare = shares.reduce((best, share) => (Math.abs(share - 0.5) < Math.abs(best - 0.5) ? share : best))
  const plan: WatchPlan = {
    baseline: 'concurrent',
    from: 0,
    blockSeconds,
    metrics: [
      {
        metric: 'errors',
        counter: { kind: 'http-errors', metric: 'http_requests_total', statusLabel: 'code' },
        parts: [{ name: 'errors', dispersion: dispersionOf({ history: before.history, learned, newShare }) }]
      }
    ],
    ...(passes === 'never' ? { soakSeconds: seconds, deadlineSeconds: seconds } : {})
  }
  const settings = prepare(plan)
  if (passes === 'as-usual') return settings
  // What can't pass need not gather evidence for it.
  const parts = settings.parts.map(part => ({ ...part, fine: [], comparisons: part.comparisons.map(one => ({ ...one, fine: [] })) }))
  return { ...settings, parts }
}

/** The watch of one trace: the same blocks, tests and decisions as in the product, from what the scrapes showed. */
export function watch(settings: WatchSettings, seen: Seen, ticks: number): WatchState {
  const each = settings.counting.blockSeconds / TICK
  const pods = [{ old: PODS, new: PODS }]
  const ready = PODS * settings.counting.blockSeconds
  let state = startWatch(settings)
  for (let tick = each; tick <= ticks && state.decision === undefined; tick += each) {
    const block: Block = {
      from: (tick - each) * TICK * 1_000,
      to: tick * TICK * 1_000,
      parts: [{ old: between(seen.old, tick - each, tick), new: between(seen.new, tick - each, tick) }],
      pods,
      readySeconds: { old: ready, new: ready },
      probes: { old: 0, new: 0 }
    }
    // The source answers throughout: a trace has no gaps.
    const counting = { ...state.counting, at: block.to, heardAt: block.to }
    state = decide(settings, testBlock(settings, { ...state, counting }, block), block.to)
  }
  return state
}

/** Seconds until the watch fails the new version; undefined if it does not. */
export function failsAfter(settings: WatchSettings, seen: Seen, ticks: number): number | undefined {
  const { decision } = watch(settings, seen, ticks)
  return decision?.kind === 'fail' ? decision.at / 1_000 : undefined
}
