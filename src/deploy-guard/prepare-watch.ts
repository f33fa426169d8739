import { SECOND } from '../base/clock.ts'
import type { DeployGuardOptions, JudgedVersion } from '../domain/deploy-guard.ts'
import type { GuardedPod } from '../domain/guarded-pod.ts'
import type { ObjectRef } from '../domain/objects.ts'
import type { Counter } from '../verification/sequential/counting/counter.ts'
import type { NumberSource } from '../verification/sequential/counting/number-source.ts'
import { dispersionOf, NOTHING_LEARNED } from '../verification/sequential/known-dispersion.ts'
import type { LearnedParts } from '../verification/sequential/learning.ts'
import { outlook } from '../verification/sequential/outlook.ts'
import { objectiveMet } from '../verification/sequential/past.ts'
import { type MetricPlan, prepare } from '../verification/sequential/prepare.ts'
import { type Baseline, DEFAULTS, type ObjectiveBefore, type WatchSettings, wrongNumbers } from '../verification/sequential/settings.ts'
import { boundariesOf } from './boundaries.ts'
import { type FoundSource, findSource } from './find-source.ts'
import { knownPast, type PartPast } from './known-past.ts'
import { isPodMetric, LOOKED_FOR, POD_METRICS } from './pod-metrics.ts'
import { cannot, type PreparedAnswer } from './prepared-watch.ts'
import { probePathsOf } from './probes.ts'

export interface WatchQuestion {
  readonly target: ObjectRef
  readonly version: JudgedVersion
  readonly options: DeployGuardOptions
  readonly pods: readonly GuardedPod[]
  /** In the order in which they are asked. Made for this guard alone: a source remembers how the pods are found. */
  readonly sources: readonly NumberSource[]
  readonly learned: LearnedParts
  /** Epoch milliseconds. */
  readonly now: number
}

/** A rolling update goes through every share of the traffic; bursts matter most at a half. */
const NEW_SHARE = 0.5

/** A scrape is written down within two seconds of its beginning; later ones are counted with the next look. */
const LAG_MS = 2 * SECOND

const LONGEST_BLOCK = 300

/** Finds out what is counted and fixes everything that a watch rests on; or tells what is awaited, or why it can’t begin. */
export async function prepareWatch(question: WatchQuestion, signal: AbortSignal): Promise<PreparedAnswer> {
  const { options, version, pods, sources } = question
  const unknown = options.metrics.find(name => !isPodMetric(name))
  if (unknown !== undefined)
    return cannot('unknown-metric', `${unknown} is not counted pod by pod`, `known are ${Object.keys(POD_METRICS).join(', ')}`)
  const baseline = baselineOf(options, version)
  if (typeof baseline !== 'string') return baseline
  if (pods.length === 0) return { kind: 'not-yet', awaits: 'pods of the workload' }
  const probePaths = probePathsOf(pods)
  const found = await findSource({ sources, pods, names: options.metrics, probePaths }, signal)
  if (found.kind !== 'found') return found
  const measured = await found.source.interval(found.asked, signal)
  const intervalSeconds = measured.kind === 'said' ? Math.min(measured.value, LONGEST_BLOCK) : DEFAULTS.blockSeconds
  const wrong = wrongNumbers({ ...numbersOf(options), blockSeconds: intervalSeconds })
  if (wrong.length > 0) return cannot('bad-numbers', wrong.join('; '), 'choose other values for --for and --timeout')
  const past = await pastSource(found, sources, signal)
  const counted = await countersOf(question, found, { past, probePaths, baseline }, signal)
  if ('kind' in counted) return counted
  const { counters, said } = counted
  const known = await knownPast(
    {
      source: past,
      counters: counters.map(({ counter }) => counter),
      baseline,
      deployedAt: version.changedAt,
      intervalSeconds,
      target: question.target,
      pods: found.asked
    },
    signal
  )
  const settings = planned(question, baseline, { counters, parts: known.parts, intervalSeconds }, [
    `numbers: ${found.source.name}${(found.source.said?.() ?? []).map(one => `; ${one}`).join('')}`,
    ...found.said,
    ...(measured.kind === 'said' ? [] : [`how often pods are scraped is not known (${measured.detail}): blocks of ${intervalSeconds} s`]),
    ...(baseline === options.baseline ? [] : ['first deploy: judged by the objective']),
    ...(baseline.startsWith('concurrent') && !pods.some(pod => pod.version === 'old')
      ? ['the old version has no pods any more: nothing can be compared side by side']
      : []),
    ...said,
    ...known.said
  ])
  const tellsPaths = found.metrics.every(one => one.what === 'latency' || one.tellsPaths)
  return {
    kind: 'ready',
    source: found.source,
    watch: { settings, source: found.source.name, probes: tellsPaths ? 'by-path' : 'by-spec', intervalSeconds, lagMs: LAG_MS }
  }
}

function numbersOf({ soak, timeout }: DeployGuardOptions) {
  return { alpha: DEFAULTS.alpha, beta: DEFAULTS.beta, soakSeconds: soak / SECOND, deadlineSeconds: timeout / SECOND }
}

/** At a first deploy there is no old version: only an objective tells good from bad then. */
function baselineOf(
  { baseline, objective }: DeployGuardOptions,
  { replaces }: JudgedVersion
): Baseline | Extract<PreparedAnswer, { kind: 'cannot' }> {
  if (replaces === undefined && objective !== undefined) return 'objective'
  if (replaces === undefined)
    return cannot(
      'no-old-version',
      'first deploy: there is no old version to compare with',
      'give the share of errors that is allowed (--objective)'
    )
  if (baseline === 'objective' && objective === undefined)
    return cannot(
      'no-objective',
      'the baseline is an objective, and none was given',
      'give the share of errors that is allowed (--objective)'
    )
  return baseline
}

/** The source that knows the past: the one that is counted from, else another that has the same pods. */
async function pastSource(
  { source, asked }: FoundSource,
  sources: readonly NumberSource[],
  signal: AbortSignal
): Promise<NumberSource | undefined> {
  if (source.past !== undefined) return source
  for (const other of sources) {
    if (other.past === undefined) continue
    const labels = await other.labels(asked, LOOKED_FOR, signal)
    if (labels.kind === 'said' && labels.value.length > 0) return other
  }
  return undefined
}

interface NamedCounter {
  readonly metric: 'errors' | 'latency'
  readonly counter: Counter
}

/** What is counted of each metric. A latency that fits no bucket is left out, unless it was asked for by name. */
async function countersOf(
  question: WatchQuestion,
  found: FoundSource,
  {
    past,
    probePaths,
    baseline
  }: { readonly past: NumberSource | undefined; readonly probePaths: readonly string[]; readonly baseline: Baseline },
  signal: AbortSignal
): Promise<{ readonly counters: readonly NamedCounter[]; readonly said: readonly string[] } | Extract<PreparedAnswer, { kind: 'cannot' }>> {
  const { options, target, version, now } = question
  const counters: NamedCounter[] = []
  const said: string[] = []
  const paths = probePaths.length === 0 ? {} : { probePaths }
  for (const one of found.metrics) {
    if (one.what === 'errors') {
      counters.push({ metric: 'errors', counter: { ...one.counter, ...paths } })
      said.push(one.said)
      continue
    }
    const { source, asked: pods, labels } = found
    const chosen =
      baseline === 'objective'
        ? { boundaries: [], by: '' }
        : await boundariesOf(
            { source, past, histogram: one.histogram, target, pods, labels, probePaths, deployedAt: version.changedAt, now },
            signal
          )
    const why =
      baseline === 'objective'
        ? 'latency is not judged: an objective is a share of errors'
        : `latency is not judged: no bucket of ${one.histogram} lies where the old version’s requests do`
    if (chosen.boundaries.length > 0) {
      counters.push({ metric: 'latency', counter: { kind: 'latency', metric: one.histogram, boundaries: chosen.boundaries, ...paths } })
      said.push(`latency: ${one.histogram}, slower than ${chosen.boundaries.map(String).join(', ')}, chosen by ${chosen.by}`)
    } else if (options.metrics.includes(one.metric)) return cannot('metric-not-there', `${one.metric}: ${why}`, 'leave the name away')
    else said.push(why)
  }
  if (counters.length === 0) return cannot('nothing-countable', said.join('; '), 'let the pods count errors in a metric of docs/canary.md')
  return { counters, said }
}

interface Measured {
  readonly counters: readonly NamedCounter[]
  readonly parts: readonly PartPast[]
  readonly intervalSeconds: number
}

function planned(
  { options, version, learned }: WatchQuestion,
  baseline: Baseline,
  measured: Measured,
  said: readonly string[]
): WatchSettings {
  const { counters, parts, intervalSeconds } = measured
  const firstOf = new Map<NamedCounter, number>()
  let first = 0
  for (const one of counters) {
    firstOf.set(one, first)
    first += one.counter.kind === 'latency' ? one.counter.boundaries.length : 1
  }
  const metrics = counters.map((one): MetricPlan => {
    const { metric, counter } = one
    const names = counter.kind === 'latency' ? counter.boundaries.map(boundary => slowerThan(counter.metric, boundary)) : ['errors']
    return {
      metric,
      counter,
      parts: names.map((name, index) => {
        const { history, past } = parts[(firstOf.get(one) ?? 0) + index] ?? { past: {} }
        const known = { learned: learned[name] ?? NOTHING_LEARNED, newShare: NEW_SHARE, ...(history === undefined ? {} : { history }) }
        return { name, dispersion: dispersionOf(known), past }
      }),
      ...(metric === 'errors' && options.tolerated !== undefined ? { tolerated: options.tolerated } : {}),
      ...(options.objective === undefined ? {} : { objective: options.objective }),
      ...(metric === 'latency' && options.warmUp !== undefined ? { warmUpSeconds: options.warmUp / SECOND } : {})
    }
  })
  const settings = prepare({
    ...numbersOf(options),
    baseline,
    from: version.changedAt,
    metrics,
    blockSeconds: intervalSeconds,
    ...(baseline === 'objective' ? { objectiveBefore: objectiveBefore(options, version, parts[0]) } : {}),
    said
  })
  return { ...settings, said: [...settings.said, ...outlooks(settings, parts)] }
}

/** A part’s name for people: `slower than 0.25 s`. */
function slowerThan(metric: string, boundary: number): string {
  return `slower than ${Number(boundary.toPrecision(4))} ${metric.endsWith('_milliseconds') ? 'ms' : 's'}`
}

function objectiveBefore({ objective }: DeployGuardOptions, { replaces }: JudgedVersion, errors: PartPast | undefined): ObjectiveBefore {
  if (replaces === undefined) return 'first-deploy'
  return objective === undefined ? 'unknown' : objectiveMet(errors?.past.lastHalfHour, objective)
}

/** How long a regression takes to prove, at the traffic of the last half hour: side by side, each version gets a half of it. */
function outlooks(settings: WatchSettings, parts: readonly PartPast[]): readonly string[] {
  const sideBySide = settings.baseline === 'concurrent' || settings.baseline === 'concurrent-and-before'
  return settings.parts.flatMap((part, index) => {
    const known = parts[index]
    if (known?.past.lastHalfHour === undefined) return []
    const newPerSecond = sideBySide ? known.perSecond / 2 : known.perSecond
    return [outlook(settings, part, { newPerSecond, oldPerNew: 1, oldShare: known.share })]
  })
}
