import { SECOND } from '../base/clock.ts'
import type { DeployGuardOptions, JudgedVersion } from '../domain/deploy-guard.ts'
import type { NumberSource } from '../verification/sequential/counting/number-source.ts'
import { type Baseline, DEFAULTS, wrongNumbers } from '../verification/sequential/settings.ts'
import { countersOf } from './counted-metrics.ts'
import { type FoundSource, findSource } from './find-source.ts'
import { knownPast } from './known-past.ts'
import { isPodMetric, LOOKED_FOR, POD_METRICS } from './pod-metrics.ts'
import { cannot, type PreparedAnswer } from './prepared-watch.ts'
import { probePathsOf } from './probes.ts'
import { numbersOf, planned } from './watch-plan.ts'
import type { WatchQuestion } from './watch-question.ts'

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
  const counted = await countersOf({ watch: question, found, past, probePaths, baseline }, signal)
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
