import type { DeployGuardOptions, JudgedVersion } from '../domain/deploy-guard.ts'
import type { GuardedPod } from '../domain/guarded-pod.ts'
import { isProxyMetric, isReportedMetric, NAMED_METRICS } from '../domain/named-metrics.ts'
import { weigh } from '../verification/sequential/counting/counter.ts'
import type { NumberSource } from '../verification/sequential/counting/number-source.ts'
import { type Baseline, DEFAULTS, wrongNumbers } from '../verification/sequential/settings.ts'
import { countersOf } from './counted-metrics.ts'
import { type FoundSource, findSource } from './find-source.ts'
import { knownPast } from './known-past.ts'
import { isPodMetric, LOOKED_FOR } from './pod-metrics.ts'
import { prepareProxies } from './prepare-proxies.ts'
import { cannot, LAG_MS, LONGEST_BLOCK, type PreparedAnswer } from './prepared-watch.ts'
import { probePathsOf } from './probes.ts'
import { FEWER_SERIES, MOST_SERIES } from './series-quota.ts'
import { numbersOf, planned } from './watch-plan.ts'
import type { WatchQuestion } from './watch-question.ts'

/** Finds out what is counted and fixes everything that a watch rests on; or tells what is awaited, or why it can’t begin. */
export async function prepareWatch(question: WatchQuestion, signal: AbortSignal): Promise<PreparedAnswer> {
  const { options, version, pods, sources } = question
  const unknown = options.metrics.find(name => !isPodMetric(name) && !isProxyMetric(name) && !isReportedMetric(name))
  if (unknown !== undefined)
    return cannot('unknown-metric', `${unknown} is no metric that a guard knows`, `known are ${NAMED_METRICS.join(', ')}`)
  const baseline = baselineOf(options, version)
  if (typeof baseline !== 'string') return baseline
  if (pods.length === 0) return { kind: 'not-yet', awaits: 'pods of the workload' }
  if (options.metrics.some(isProxyMetric)) return prepareProxies(question, baseline, signal)
  const probePaths = probePathsOf(pods)
  const found = await findSource({ sources, pods, names: options.metrics.filter(isPodMetric), probePaths }, signal)
  if (found.kind !== 'found') return found
  const measured = await found.source.interval(found.asked, signal)
  const intervalSeconds = measured.kind === 'said' ? Math.min(measured.value, LONGEST_BLOCK) : DEFAULTS.blockSeconds
  const wrong = wrongNumbers({ ...numbersOf(options), blockSeconds: intervalSeconds })
  if (wrong.length > 0) return cannot('bad-numbers', wrong.join('; '), 'choose other values for --for and --timeout')
  const past = await pastSource(found, sources, signal)
  const gone = await goneOf(question, found, baseline, signal)
  const counted = await countersOf({ watch: question, found, past, probePaths, baseline }, signal)
  if ('kind' in counted) return counted
  const { counters, said } = counted
  const counting = counters.map(({ counter }) => counter)
  const series = found.labels.filter(labels => weigh(counting, labels).length > 0).length
  // Each version may have as many.
  if (series > MOST_SERIES / 2)
    return cannot(
      'too-many-series',
      `the ${found.asked[0]?.version ?? 'old'} version’s pods have ${series} series of what is counted, and a guard remembers at most ${MOST_SERIES} of both versions together`,
      FEWER_SERIES
    )
  const known = await knownPast(
    {
      source: past,
      counters: counting,
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
    ...oldPodsSaid(baseline, pods, gone),
    ...said,
    ...known.said
  ])
  const tellsPaths = found.metrics.every(one => one.what === 'latency' || one.tellsPaths)
  return {
    kind: 'ready',
    source: found.source,
    watch: { settings, source: found.source.name, probes: tellsPaths ? 'by-path' : 'by-spec', intervalSeconds, lagMs: LAG_MS, gone }
  }
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

/** Pods of the old version that a rollout took away before anybody asked: what they did meanwhile may still be known. */
async function goneOf(
  { target, version, pods, now }: WatchQuestion,
  { source }: FoundSource,
  baseline: Baseline,
  signal: AbortSignal
): Promise<readonly GuardedPod[]> {
  if (!isSideBySide(baseline)) return []
  const gone = await source.past?.goneOldPods({ target, pods, from: version.changedAt, to: now }, signal)
  return gone?.kind === 'said' ? gone.value : []
}

function isSideBySide(baseline: Baseline): boolean {
  return baseline === 'concurrent' || baseline === 'concurrent-and-before'
}

function oldPodsSaid(baseline: Baseline, pods: readonly GuardedPod[], { length: gone }: readonly GuardedPod[]): readonly string[] {
  if (!isSideBySide(baseline)) return []
  const there = pods.some(pod => pod.version === 'old')
  if (gone > 0) return [`${gone} of the old version’s pods are gone since the deploy: they count until 30 s before their last scrape`]
  return there ? [] : ['the old version has no pods any more: nothing can be compared side by side']
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
