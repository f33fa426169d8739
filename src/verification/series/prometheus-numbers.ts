import type { GuardedPod } from '../../domain/guarded-pod.ts'
import type { HttpResult } from '../../outgoing/http-client.ts'
import type { AskPrometheus } from '../prometheus.ts'
import type { Counter } from '../sequential/counting/counter.ts'
import type { NumberSource, Said, Wanted } from '../sequential/counting/number-source.ts'
import type { Labels, Scrape } from '../sequential/counting/scrape.ts'
import { boundarySpellings } from './bucket-spellings.ts'
import { asClassicSeries, nativeNames } from './native-series.ts'
import { spacing } from './one-replica.ts'
import { clustersOf, ownLabelsNamed, UP } from './own-labels.ts'
import { pastNumbers } from './past-numbers.ts'
import { podScrapes } from './pod-scrapes.ts'
import { type RawSeries, readSeries, unsaid } from './raw-series.ts'
import { matchersOf, podFinder, ROADS, type Road, roadSaid } from './roads.ts'
import { type LabelMatcher, named, selector } from './selector.ts'

export interface PrometheusNumbersOptions {
  readonly ask: AskPrometheus
  /** Milliseconds to add to Astern’s clock to get the source’s. */
  readonly clockOffset: () => number
  readonly now: () => number
}

/** Pods that are asked for in one query: beyond, several answers are read one after the other. */
const PODS_AT_A_TIME = 50

/** How far back scrapes are looked at to see how often they come, milliseconds. */
const SPACING_MS = 600_000

/** Pods whose own counters are looked at for that, where they have no `up`. */
const PODS_FOR_SPACING = 3

/** No block is shorter than this, seconds. */
const LEAST_INTERVAL = 5

/**
 * The counters of a guard’s pods as a Prometheus scraped them, read as they are: no rate, no increase, no aggregation, which would
 * guess at what happened between two scrapes. One for each guard, for it remembers by which label this guard’s pods are found.
 */
export function prometheusNumbers({ ask, clockOffset, now }: PrometheusNumbersOptions): NumberSource {
  let road: Road | undefined
  /** Metrics that these pods have, without their buckets. */
  let seen: readonly string[] = []

  const seconds = (ms: number): string => (ms / 1_000).toFixed(3)

  async function read(query: string, at: number, signal: AbortSignal): Promise<Said<readonly RawSeries[]>> {
    const result: HttpResult = await ask('/api/v1/query', { query, time: seconds(at + clockOffset()) }, signal)
    return readSeries(result)
  }

  /** The first way by which any of these series is found, with what was found; it is kept. */
  async function findRoad(
    pods: readonly GuardedPod[],
    metrics: readonly string[],
    signal: AbortSignal
  ): Promise<Said<readonly RawSeries[]>> {
    for (const one of road === undefined ? ROADS : [road]) {
      const matchers = matchersOf(one, pods)
      if (matchers === undefined) continue
      const found = await read(selector([named([...metrics, UP]), ...matchers]), now(), signal)
      if (found.kind === 'unsaid') return found
      const clusters = clustersOf(found.value)
      if (clusters.length > 1)
        return unsaid(
          'ambiguous',
          `pods of several clusters have the same names: ${clusters.slice(0, 3).join(', ')}; name one in the source`
        )
      if (found.value.every(({ labels }) => labels['__name__'] === UP)) continue
      road = one
      return found
    }
    return { kind: 'said', value: [] }
  }

  async function labels(pods: readonly GuardedPod[], metrics: readonly string[], signal: AbortSignal): Promise<Said<readonly Labels[]>> {
    const found = await findRoad(pods, metrics, signal)
    if (found.kind === 'unsaid') return found
    const own = ownLabelsNamed(found.value).filter(series => series.labels['__name__'] !== UP)
    seen = [...new Set(own.map(({ labels: one }) => one['__name__'] ?? ''))].filter(name => !name.endsWith('_bucket')).slice(0, 1)
    // A native histogram has no series of its count, but the count.
    const counts = own
      .filter(({ histograms, labels: one }) => histograms.length > 0 && metrics.includes(`${one['__name__']}_count`))
      .map(({ labels: one }) => ({ ...one, __name__: `${one['__name__']}_count` }))
    return { kind: 'said', value: [...own.map(series => series.labels), ...counts] }
  }

  async function interval(pods: readonly GuardedPod[], signal: AbortSignal): Promise<Said<number>> {
    const spacings: number[] = []
    // Numbers that were pushed have no `up`: then the counters themselves tell.
    for (const metrics of seen.length === 0 ? [[UP]] : [[UP], seen])
      for (const one of road === undefined ? ROADS : [road]) {
        const matchers = matchersOf(one, metrics === seen ? pods.slice(0, PODS_FOR_SPACING) : pods)
        if (matchers === undefined || spacings.length > 0) continue
        const found = await read(`${selector([named(metrics), ...matchers])}[${SPACING_MS}ms]`, now(), signal)
        if (found.kind === 'unsaid') return found
        spacings.push(...found.value.flatMap(({ samples, histograms }) => spacing([...samples, ...histograms].map(({ at }) => at)) ?? []))
      }
    const usual = spacings.sort((a, b) => a - b)[Math.floor(spacings.length / 2)]
    if (usual === undefined) return unsaid('ambiguous', 'no two scrapes of these pods within ten minutes')
    return { kind: 'said', value: Math.max(LEAST_INTERVAL, Math.round(usual / 1_000)) }
  }

  /** The counted series of some pods, classic ones and, for pods that have none of a histogram’s buckets, native ones. */
  async function counted(pods: readonly GuardedPod[], wanted: Wanted, by: Road, signal: AbortSignal): Promise<Said<readonly RawSeries[]>> {
    const range = `[${Math.ceil(wanted.to - wanted.from)}ms]`
    const all: RawSeries[] = []
    const ask = async (matchers: readonly LabelMatcher[], of: readonly GuardedPod[]): Promise<Said<readonly RawSeries[]>> => {
      const own = matchersOf(by, of)
      if (own === undefined) return { kind: 'said', value: [] }
      return read(`${selector([...matchers, ...own])}${range}`, wanted.to, signal)
    }
    for (const matchers of classicMatchers(wanted.counters)) {
      const found = await ask(matchers, pods)
      if (found.kind === 'unsaid') return found
      all.push(...found.value)
    }
    const find = podFinder(by, pods)
    for (const name of nativeNames(wanted.counters)) {
      const classic = new Set(
        all
          .filter(({ labels: one }) => one['__name__'] === `${name}_bucket` || one['__name__'] === `${name}_count`)
          .flatMap(({ labels: one, samples }) => samples.flatMap(({ at }) => find(one, at - clockOffset())?.uid ?? []))
      )
      const found = await ask(
        [named([name])],
        pods.filter(({ uid }) => !classic.has(uid))
      )
      if (found.kind === 'unsaid') return found
      all.push(...asClassicSeries(wanted.counters, found.value))
    }
    return { kind: 'said', value: all }
  }

  async function scrapes(wanted: Wanted, signal: AbortSignal): Promise<Said<readonly Scrape[]>> {
    if (road === undefined) {
      const metrics = wanted.counters.flatMap(({ kind, metric }) => (kind === 'latency' ? [metric, `${metric}_bucket`] : [metric]))
      const found = await findRoad(wanted.pods, [...metrics, ...nativeNames(wanted.counters)], signal)
      if (found.kind === 'unsaid') return found
    }
    if (road === undefined) return { kind: 'said', value: [] }
    const offset = clockOffset()
    const all: RawSeries[] = []
    for (let first = 0; first < wanted.pods.length; first += PODS_AT_A_TIME) {
      const found = await counted(wanted.pods.slice(first, first + PODS_AT_A_TIME), wanted, road, signal)
      if (found.kind === 'unsaid') return found
      all.push(...found.value)
    }
    if (clustersOf(all).length > 1) return unsaid('ambiguous', 'pods of several clusters have the same names')
    const within = ownLabelsNamed(all).map(series => ({
      ...series,
      samples: series.samples
        .map(({ at, value }) => ({ at: at - offset, value }))
        // Prometheus 2 closes a range at both ends.
        .filter(({ at }) => at > wanted.from && at <= wanted.to)
    }))
    return { kind: 'said', value: podScrapes(within, wanted, podFinder(road, wanted.pods)) }
  }

  return {
    name: 'Prometheus',
    labels,
    interval,
    scrapes,
    said: () => (road === undefined ? [] : [roadSaid(road)]),
    past: pastNumbers({ ask, clockOffset, road: () => road })
  }
}

/** Errors and `up` in one query; of each histogram only the buckets that are counted, in one more. */
function classicMatchers(counters: readonly Counter[]): readonly (readonly LabelMatcher[])[] {
  const errors = counters.flatMap(({ kind, metric }) => (kind === 'latency' ? [] : [metric]))
  const buckets = counters.flatMap(counter =>
    counter.kind === 'latency'
      ? [
          [
            { label: '__name__', operator: '=', value: `${counter.metric}_bucket` },
            { label: 'le', operator: '=~', value: boundarySpellings(counter.boundaries) }
          ] as const
        ]
      : []
  )
  return [[named([...errors, UP])], ...buckets]
}
