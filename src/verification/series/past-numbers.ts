import type { GuardedPod } from '../../domain/guarded-pod.ts'
import type { AskPrometheus } from '../prometheus.ts'
import type { Counter } from '../sequential/counting/counter.ts'
import { nativeSlowShares, type SlowShare, slowShares } from '../sequential/counting/latency.ts'
import type { PastNumbers, PastQuestion, PastTallies, Said } from '../sequential/counting/number-source.ts'
import { isProbe } from '../sequential/counting/real-traffic.ts'
import type { Labels } from '../sequential/counting/scrape.ts'
import { boundarySpellings } from './bucket-spellings.ts'
import { goneOldPods } from './gone-pods.ts'
import { asClassicSeries, nativeNames } from './native-series.ts'
import { clustersOf, ownLabelsNamed, UP } from './own-labels.ts'
import { namesOfAllPods } from './past-names.ts'
import { countedOfEachPod, type Grid, knownStretches, rowsOfPod } from './past-rows.ts'
import { type RawSeries, readSeries, unsaid } from './raw-series.ts'
import { keyOfSeries, matchersOf, namedMatchers, podFinder, type Road } from './roads.ts'
import { type LabelMatcher, named, selector } from './selector.ts'

export interface PastNumbersOptions {
  readonly ask: AskPrometheus
  readonly clockOffset: () => number
  /** By which label this guard's pods are found; undefined before that is known. */
  readonly road: () => Road | undefined
}

/** Before the deploy, so far is looked for a scrape of the pods that served then, milliseconds. */
const BEFORE_MS = 120_000

/** The past of a workload's pods as a Prometheus kept it: raw counters on a grid of instants. */
export function pastNumbers({ ask, clockOffset, road }: PastNumbersOptions): PastNumbers {
  const seconds = (ms: number): string => (ms / 1_000).toFixed(3)

  async function read(query: string, grid: Grid, signal: AbortSignal): Promise<Said<readonly RawSeries[]>> {
    const form = { query, start: seconds(grid.from), end: seconds(grid.to), step: seconds(grid.step) }
    return readSeries(await ask('/api/v1/query_range', form, signal))
  }

  /** A grid in the source's clock. */
  const gridOf = ({ from, to }: PastQuestion, step: number): Grid => {
    const end = to + clockOffset()
    return { from: end - Math.floor((to - from) / step) * step, to: end, step }
  }

  /** Series of all pods that the workload had, with the text that names the pod. */
  async function ofAllPods(
    question: PastQuestion,
    matchers: readonly LabelMatcher[],
    grid: Grid,
    signal: AbortSignal
  ): Promise<Said<readonly RawSeries[]>> {
    const by = road()
    if (by === undefined) return { kind: 'said', value: [] }
    const { target, pods } = question
    const own = by === 'instance' ? matchersOf(by, pods) : namedMatchers(by, target.namespace, namesOfAllPods(target))
    if (own === undefined) return { kind: 'said', value: [] }
    const found = await read(selector([...matchers, ...own]), grid, signal)
    if (found.kind === 'unsaid') return found
    if (clustersOf(found.value).length > 1) return unsaid('ambiguous', 'pods of several clusters have the same names')
    return { kind: 'said', value: by === 'instance' ? duringTheirLives(found.value, question) : found.value }
  }

  /** An address is a pod's from its birth on only; what it was before that is not known. */
  function duringTheirLives(all: readonly RawSeries[], { pods }: PastQuestion): readonly RawSeries[] {
    const find = podFinder('instance', pods)
    return all.map(series => ({
      ...series,
      samples: series.samples.filter(({ at }) => find(series.labels, at - clockOffset()) !== undefined),
      histograms: series.histograms.filter(({ at }) => find(series.labels, at - clockOffset()) !== undefined)
    }))
  }

  const podOf = (labels: Labels): string => keyOfSeries(road() ?? 'pod', labels)

  async function tallies(
    question: PastQuestion & { readonly counters: readonly Counter[]; readonly stepSeconds: number },
    signal: AbortSignal
  ): Promise<Said<PastTallies>> {
    const { counters, stepSeconds } = question
    const grid = gridOf(question, stepSeconds * 1_000)
    const all: RawSeries[] = []
    const errors = counters.flatMap(({ kind, metric }) => (kind === 'latency' ? [] : [metric]))
    const asked = [...(errors.length === 0 ? [] : [[named([...errors, UP])]]), ...counters.flatMap(bucketMatchers)]
    for (const matchers of asked) {
      const found = await ofAllPods(question, matchers, grid, signal)
      if (found.kind === 'unsaid') return found
      all.push(...found.value)
    }
    for (const name of nativeNames(counters)) {
      if (all.some(({ labels }) => labels['__name__'] === `${name}_bucket` || labels['__name__'] === `${name}_count`)) continue
      const found = await ofAllPods(question, [named([name])], grid, signal)
      if (found.kind === 'unsaid') return found
      all.push(...asClassicSeries(counters, found.value))
    }
    const counted = countedOfEachPod(counters, ownLabelsNamed(all), podOf)
    const pods = counted.map(own => rowsOfPod(counters, own, grid))
    const rows = knownStretches(counted.flat(), grid).map(stretch => pods.map(of => of[stretch] ?? []))
    return { kind: 'said', value: { seconds: stepSeconds, rows } }
  }

  async function shares(
    question: PastQuestion & { readonly metric: string; readonly probePaths?: readonly string[] },
    signal: AbortSignal
  ): Promise<Said<readonly SlowShare[]>> {
    const { metric, probePaths, from, to } = question
    const grid = gridOf(question, to - from)
    const real = ({ labels }: RawSeries): boolean => !isProbe(labels, probePaths)
    const classic = await ofAllPods(question, [named([`${metric}_bucket`])], grid, signal)
    if (classic.kind === 'unsaid') return classic
    if (classic.value.length > 0) return { kind: 'said', value: sharesOfBuckets(ownLabelsNamed(classic.value).filter(real), grid) }
    const native = await ofAllPods(question, [named([metric])], grid, signal)
    return native.kind === 'unsaid' ? native : { kind: 'said', value: sharesOfNative(ownLabelsNamed(native.value).filter(real)) }
  }

  function sharesOfBuckets(all: readonly RawSeries[], grid: Grid): readonly SlowShare[] {
    const counts = new Map<string, number>()
    for (const { labels, samples } of all) {
      const first = samples.find(({ at }) => Math.abs(at - grid.from) < 1_000)?.value
      const last = samples.find(({ at }) => Math.abs(at - grid.to) < 1_000)?.value
      // A pod that is gone says nothing; one that came meanwhile, or restarted, has counted from zero.
      if (last === undefined) continue
      const more = first === undefined || last < first ? last : last - first
      const le = labels['le'] ?? ''
      counts.set(le, (counts.get(le) ?? 0) + more)
    }
    return slowShares([...counts].map(([le, count]) => ({ le, count })))
  }

  /** What the pods have counted since they started. */
  function sharesOfNative(all: readonly RawSeries[]): readonly SlowShare[] {
    const last = all.flatMap(({ histograms }) => histograms.at(-1) ?? [])
    const shares = nativeSlowShares({
      labels: {},
      count: last.reduce((sum, { count }) => sum + count, 0),
      buckets: last.flatMap(({ buckets }) => buckets)
    })
    return [...new Map(shares.map(share => [share.boundary, share])).values()]
  }

  async function gone(question: PastQuestion, signal: AbortSignal): Promise<Said<readonly GuardedPod[]>> {
    const by = road()
    // Whose an address was can't be told without the pod.
    if (by === undefined || by === 'instance') return { kind: 'said', value: [] }
    const { target, from, to } = question
    const selected = selector([named([UP]), ...namedMatchers(by, target.namespace, namesOfAllPods(target))])
    const query = `${selected}[${Math.ceil(to - from + BEFORE_MS)}ms]`
    const found = readSeries(await ask('/api/v1/query', { query, time: seconds(to + clockOffset()) }, signal))
    if (found.kind === 'unsaid') return found
    const offset = clockOffset()
    const ups = found.value.map(series => ({ ...series, samples: series.samples.map(({ at, value }) => ({ at: at - offset, value })) }))
    return { kind: 'said', value: goneOldPods(ups, by, question) }
  }

  return { tallies, slowShares: shares, goneOldPods: gone }
}

function bucketMatchers(counter: Counter): readonly (readonly LabelMatcher[])[] {
  if (counter.kind !== 'latency') return []
  return [
    [
      { label: '__name__', operator: '=', value: `${counter.metric}_bucket` },
      { label: 'le', operator: '=~', value: boundarySpellings(counter.boundaries) }
    ]
  ]
}
