import { SECOND } from '../base/clock.ts'
import type { DeployGuardOptions, JudgedVersion } from '../domain/deploy-guard.ts'
import { dispersionOf, NOTHING_LEARNED } from '../verification/sequential/known-dispersion.ts'
import { outlook } from '../verification/sequential/outlook.ts'
import { objectiveMet } from '../verification/sequential/past.ts'
import { type MetricPlan, prepare } from '../verification/sequential/prepare.ts'
import { type Baseline, DEFAULTS, type ObjectiveBefore, type WatchSettings } from '../verification/sequential/settings.ts'
import type { NamedCounter } from './counted-metrics.ts'
import type { PartPast } from './known-past.ts'
import type { WatchQuestion } from './watch-question.ts'

/** A rolling update goes through every share of the traffic; bursts matter most at a half. */
const NEW_SHARE = 0.5

/** The numbers that people chose, in the judge’s units. */
export function numbersOf({ soak, timeout }: DeployGuardOptions) {
  return { alpha: DEFAULTS.alpha, beta: DEFAULTS.beta, soakSeconds: soak / SECOND, deadlineSeconds: timeout / SECOND }
}

/** What was found out of a watch before it is planned. */
export interface Measured {
  readonly counters: readonly NamedCounter[]
  readonly parts: readonly PartPast[]
  readonly intervalSeconds: number
}

/** The settings of a watch, with how long a regression takes to prove among what is said. */
export function planned(
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
    const { metric, counter, prefix } = one
    const own = counter.kind === 'latency' ? counter.boundaries.map(boundary => slowerThan(counter.metric, boundary)) : ['errors']
    const names = own.map(name => `${prefix}${name}`)
    return {
      metric: `${prefix}${metric}`,
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
