import type { Look, Scrape, SeenPod, Series } from '../../src/verification/sequential/counting/scrape.ts'
import { startWatch, watchLook } from '../../src/verification/sequential/judge.ts'
import type { WatchSettings } from '../../src/verification/sequential/settings.ts'
import { TICK } from './scene.ts'
import { PODS, type Trace } from './trace.ts'

/** A trace as the product sees it: raw counters of pods, of which some are scraped with each tick, and a look after each. */
export function* looksOf({ ticks, pods }: Trace, every: number): Generator<Look> {
  const seen = pods.map((_, index) => podOf(index))
  const counts = pods.map(() => ({ requests: 0, bad: 0 }))
  const scraped = (index: number, at: number): Scrape => {
    const { requests = 0, bad = 0 } = counts[index] ?? {}
    const series = (code: string, value: number): Series => ({ labels: { __name__: 'http_requests_total', code }, value })
    return { pod: `pod-${index}`, at, restarts: 0, series: [series('200', requests - bad), ...(bad > 0 ? [series('500', bad)] : [])] }
  }
  // The old pods were read before the deploy as well: from then on they are counted.
  yield { at: 0, pods: seen, scrapes: pods.slice(0, PODS).map((_, index) => scraped(index, -1)) }
  for (let tick = 0; tick < ticks; tick += 1) {
    const at = (tick + 1) * TICK * 1_000
    const scrapes: Scrape[] = []
    for (const [index, { requests, bad }] of pods.entries()) {
      const count = counts[index]
      if (count !== undefined) {
        count.requests += requests[tick] ?? 0
        count.bad += bad[tick] ?? 0
      }
      if (tick % every === index % every) scrapes.push(scraped(index, at))
    }
    yield { at, pods: seen, scrapes }
  }
}

/** The pod of a number: the first three are the old version’s. */
export function podOf(index: number): SeenPod {
  const isNew = index >= PODS
  const born = isNew ? 0 : -86_400_000
  return { uid: `pod-${index}`, name: `pod-${index}`, version: isNew ? 'new' : 'old', bornAt: born, readyFrom: born }
}

/** How a watch ended. */
export interface Ended {
  readonly kind: 'pass' | 'fail' | 'inconclusive' | 'watching'
  readonly seconds: number
  readonly blocks: number
}

/** The whole way of the product: from raw counters to the verdict. */
export function watchLooks(settings: WatchSettings, looks: Iterable<Look>): Ended {
  let state = startWatch(settings)
  let blocks = 0
  for (const look of looks) {
    const { testedTo } = state
    state = watchLook(settings, state, look)
    if (state.testedTo !== testedTo) blocks += 1
    if (state.decision !== undefined) return { kind: state.decision.kind, seconds: state.decision.at / 1_000, blocks }
  }
  return { kind: 'watching', seconds: state.counting.at / 1_000, blocks }
}
