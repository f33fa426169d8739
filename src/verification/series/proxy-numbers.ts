import type { AskPrometheus } from '../prometheus.ts'
import type { Counter } from '../sequential/counting/counter.ts'
import type { NumberSource, PastNumbers, PastQuestion, PastTallies, Said, Wanted } from '../sequential/counting/number-source.ts'
import type { Scrape, Series } from '../sequential/counting/scrape.ts'
import { ofOneReplica, spacing, type TargetScrape } from './one-replica.ts'
import { clustersOf } from './own-labels.ts'
import { type Grid, knownStretches, rowsOfPod } from './past-rows.ts'
import { type ProxyCounter, type ProxyTarget, targetsOfProxies } from './proxy-series.ts'
import { type RawSeries, readSeries, unsaid } from './raw-series.ts'

/** What proxies counted, as a Prometheus scraped it. A scrape’s `pod` is the proxy’s target. */
export interface ProxyNumbers extends Pick<NumberSource, 'name' | 'scrapes'> {
  /** How often proxies are scraped, seconds; undefined where there is no series yet. */
  interval(counters: readonly Counter[], signal: AbortSignal): Promise<Said<number | undefined>>
  readonly past: Pick<PastNumbers, 'tallies'>
}

export interface ProxyNumbersOptions {
  readonly ask: AskPrometheus
  /** Milliseconds to add to Astern’s clock to get the source’s. */
  readonly clockOffset: () => number
  readonly now: () => number
}

/** How far back scrapes are looked at to see how often they come, milliseconds. */
const SPACING_MS = 600_000

/** No block is shorter than this, seconds. */
const LEAST_INTERVAL = 5

/** The scrapes of proxies are told apart by name from those of pods: a watch keeps the name of its source. */
export const PROXIES = 'Prometheus (what proxies count)'

/** Reads the counters of proxies as they are: no rate, no increase, no aggregation, which would guess at what happened between two scrapes. */
export function proxyNumbers({ ask, clockOffset, now }: ProxyNumbersOptions): ProxyNumbers {
  const seconds = (ms: number): string => (ms / 1_000).toFixed(3)

  /** The targets of each counter, with samples in Astern’s clock. */
  async function read(
    counters: readonly Counter[],
    answer: (selector: string) => ReturnType<AskPrometheus>
  ): Promise<Said<readonly ProxyTarget[]>> {
    const found: ProxyTarget[] = []
    for (const counter of counters.filter(isOfProxy)) {
      const said = readSeries(await answer(counter.selector))
      if (said.kind === 'unsaid') return said
      if (clustersOf(said.value).length > 1)
        return unsaid('ambiguous', `${counter.metric} has series of several clusters: name one in its options (where)`)
      found.push(...targetsOfProxies(counter, said.value.map(inOurClock)))
    }
    return { kind: 'said', value: found }
  }

  const inOurClock = (series: RawSeries): RawSeries => ({
    ...series,
    samples: series.samples.map(({ at, value }) => ({ at: at - clockOffset(), value }))
  })

  const within = (
    counters: readonly Counter[],
    { from, to }: { readonly from: number; readonly to: number },
    signal: AbortSignal
  ): Promise<Said<readonly ProxyTarget[]>> =>
    read(counters, selector =>
      ask('/api/v1/query', { query: `${selector}[${Math.ceil(to - from)}ms]`, time: seconds(to + clockOffset()) }, signal)
    )

  async function interval(counters: readonly Counter[], signal: AbortSignal): Promise<Said<number | undefined>> {
    const found = await within(counters, { from: now() - SPACING_MS, to: now() }, signal)
    if (found.kind === 'unsaid') return found
    const gaps = found.value.flatMap(({ series }) => series.flatMap(({ samples }) => spacing(samples.map(({ at }) => at)) ?? []))
    const usual = gaps.sort((a, b) => a - b)[Math.floor(gaps.length / 2)]
    return { kind: 'said', value: usual === undefined ? undefined : Math.max(LEAST_INTERVAL, Math.round(usual / 1_000)) }
  }

  async function scrapes({ counters, from, to }: Wanted, signal: AbortSignal): Promise<Said<readonly Scrape[]>> {
    const found = await within(counters, { from, to }, signal)
    if (found.kind === 'unsaid') return found
    // Two counters may come from one page of one proxy: their scrapes are one.
    const targets = Map.groupBy(found.value, ({ uid }) => uid)
    return { kind: 'said', value: [...targets].flatMap(([uid, same]) => scrapesOf(uid, same, { from, to })) }
  }

  async function tallies(
    { counters, stepSeconds, from, to }: PastQuestion & { readonly counters: readonly Counter[]; readonly stepSeconds: number },
    signal: AbortSignal
  ): Promise<Said<PastTallies>> {
    const step = stepSeconds * 1_000
    const grid: Grid = { from: to - Math.floor((to - from) / step) * step, to, step }
    const offset = clockOffset()
    const found = await read(counters, query =>
      ask(
        '/api/v1/query_range',
        { query, start: seconds(grid.from + offset), end: seconds(grid.to + offset), step: seconds(grid.step) },
        signal
      )
    )
    if (found.kind === 'unsaid') return found
    const own = [...Map.groupBy(found.value, ({ uid }) => uid).values()].map(ofFirstReplica)
    const proxies = own.map(series => rowsOfPod(counters, series, grid))
    const rows = knownStretches(own.flat(), grid).map(stretch => proxies.map(of => of[stretch] ?? []))
    return { kind: 'said', value: { seconds: stepSeconds, rows } }
  }

  return { name: PROXIES, interval, scrapes, past: { tallies } }
}

function isOfProxy(counter: Counter): counter is ProxyCounter {
  return counter.kind === 'proxy-errors'
}

function scrapesOf(
  uid: string,
  targets: readonly ProxyTarget[],
  { from, to }: { readonly from: number; readonly to: number }
): readonly Scrape[] {
  const byReplica = new Map<string, Map<number, Series[]>>()
  for (const { labels, samples, replica } of targets.flatMap(({ series }) => series)) {
    const byTime = byReplica.get(replica) ?? new Map<number, Series[]>()
    byReplica.set(replica, byTime)
    for (const { at, value } of samples) {
      // Prometheus 2 closes a range at both ends.
      if (at <= from || at > to) continue
      const series = byTime.get(at) ?? []
      byTime.set(at, series)
      series.push({ labels, value })
    }
  }
  const scrapes = [...byReplica].flatMap(([replica, byTime]) => [...byTime].map(([at, series]): TargetScrape => ({ at, replica, series })))
  // Whether a proxy’s container restarted nobody tells: counters that fall are believed no more.
  return ofOneReplica(scrapes).map(({ at, series }) => ({ pod: uid, at, restarts: 0, series }))
}

function ofFirstReplica(targets: readonly ProxyTarget[]): readonly RawSeries[] {
  const all = targets.flatMap(({ series }) => series)
  const [first] = [...new Set(all.map(({ replica }) => replica))].sort()
  return all.filter(({ replica }) => replica === first)
}
