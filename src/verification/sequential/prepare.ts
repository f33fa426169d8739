import { type Margin, within } from '../../domain/margin.ts'
import { type Counter, partsOf } from './counting/counter.ts'
import type { Dispersion } from './known-dispersion.ts'
import { type Past, pastLimits } from './past.ts'
import {
  type Baseline,
  badBlocksFor,
  type Comparison,
  DEFAULTS,
  type ObjectiveBefore,
  type PartSettings,
  settleSecondsFor,
  UNHEALTHY_SHARE,
  type WatchSettings
} from './settings.ts'

/** What is known, before the first block, of one part. */
export interface PartKnown {
  readonly name: string
  readonly dispersion: Dispersion
  readonly past?: Past
}

/** One counter, and how it is judged. Its parts are in the order of the counter’s. */
export interface MetricPlan {
  readonly metric: string
  readonly counter: Counter
  readonly parts: readonly PartKnown[]
  readonly tolerated?: Margin
  /** The share of bad requests that an objective allows. */
  readonly objective?: number
  /** Seconds after a pod became Ready in which it does not count: 75 for a latency, none for errors. */
  readonly warmUpSeconds?: number
}

/** What people and the past say about a watch. */
export interface WatchPlan {
  readonly baseline: Baseline
  /** The time of the deploy, epoch milliseconds. */
  readonly from: number
  readonly metrics: readonly MetricPlan[]
  readonly blockSeconds?: number
  readonly alpha?: number
  readonly beta?: number
  readonly soakSeconds?: number
  readonly deadlineSeconds?: number
  readonly objectiveBefore?: ObjectiveBefore
  readonly said?: readonly string[]
}

/** Fixes everything that a watch rests on. Two metrics weigh a half each, and so do the boundaries of a latency within theirs. */
export function prepare(plan: WatchPlan): WatchSettings {
  const numbers = {
    alpha: plan.alpha ?? DEFAULTS.alpha,
    beta: plan.beta ?? DEFAULTS.beta,
    soakSeconds: plan.soakSeconds ?? DEFAULTS.soakSeconds,
    deadlineSeconds: plan.deadlineSeconds ?? DEFAULTS.deadlineSeconds
  }
  const blockSeconds = plan.blockSeconds ?? DEFAULTS.blockSeconds
  const known = plan.metrics.flatMap(({ parts }) => parts)
  const said: string[] = plan.baseline === 'objective' ? objectiveSaid(plan) : []
  const parts = plan.metrics.flatMap(metric => {
    if (metric.parts.length !== partsOf(metric.counter))
      throw new Error(`${metric.metric}: ${metric.parts.length} parts of ${partsOf(metric.counter)}`)
    return metric.parts.map((part): PartSettings => {
      const tolerated = metric.tolerated ?? (metric.counter.kind === 'latency' ? DEFAULTS.toleratedLatency : DEFAULTS.tolerated)
      const fine = fineMargins(tolerated)
      const weight = 1 / plan.metrics.length / metric.parts.length
      const told = comparisonsOf(plan, { metric, part, fine, tolerated, weight, alpha: numbers.alpha, beta: numbers.beta })
      said.push(...told.flatMap(one => (one.said === undefined ? [] : [one.said])))
      const comparisons = told.map(({ comparison }) => comparison)
      return { metric: metric.metric, name: part.name, tolerated, fine, comparisons }
    })
  })
  if (known.some(({ dispersion }) => dispersion.kind === 'unknown'))
    said.push('how the errors usually come is not known (30 minutes of history are missing), so that more bad blocks are asked for')
  const badBlocks = badBlocksFor(blockSeconds, known.every(({ dispersion }) => dispersion.kind === 'known') ? 'known' : 'unknown')
  return {
    ...numbers,
    baseline: plan.baseline,
    counting: {
      from: plan.from,
      blockSeconds,
      counters: plan.metrics.map(({ counter }) => counter),
      warmUpSeconds: plan.metrics.flatMap(metric => metric.parts.map(() => warmUp(metric))),
      settleSeconds: settleSecondsFor(blockSeconds, badBlocks)
    },
    badBlocks,
    parts,
    ...(plan.objectiveBefore === undefined ? {} : { objectiveBefore: plan.objectiveBefore }),
    said: [...(plan.said ?? []), ...said]
  }
}

function warmUp({ counter, warmUpSeconds }: MetricPlan): number {
  return warmUpSeconds ?? (counter.kind === 'latency' ? DEFAULTS.latencyWarmUpSeconds : 0)
}

/** The margins that a pass is tried with: the usual two, as far as they tolerate what a failure does, else one that does. */
export function fineMargins(tolerated: Margin): readonly Margin[] {
  const usual = DEFAULTS.fine.filter(margin => within(tolerated, margin))
  // From ×1.2 + 0.05 pp to ×2 + 0.5 pp it is this much, and so it is for wider ones.
  return usual.length > 0
    ? usual
    : [{ ratio: Math.max(2, (tolerated.ratio * 5) / 3), add: Math.min(0.5, Math.max(0.005, tolerated.add * 10)) }]
}

interface Asked {
  readonly metric: MetricPlan
  readonly part: PartKnown
  readonly fine: readonly Margin[]
  readonly tolerated: Margin
  readonly weight: number
  readonly alpha: number
  readonly beta: number
}

/** A comparison, and the sentence that goes with it where there is one. */
interface Told {
  readonly comparison: Comparison
  readonly said?: string
}

function comparisonsOf(plan: WatchPlan, asked: Asked): readonly Told[] {
  switch (plan.baseline) {
    case 'concurrent':
      return [concurrent(asked, asked.weight)]
    case 'before':
      return [before(asked, asked.weight)]
    case 'concurrent-and-before':
      return [concurrent(asked, asked.weight / 2), before(asked, asked.weight / 2)]
    case 'objective':
      return [objective(plan, asked)]
  }
}

function concurrent({ part, tolerated, fine }: Asked, weight: number): Told {
  const limit = (margin: Margin) => ({ kind: 'relative', margin }) as const
  const dispersion = part.dispersion.kind === 'known' ? part.dispersion.concurrent : 1
  return { comparison: { with: 'concurrent', weight, dispersion, worse: limit(tolerated), fine: fine.map(limit) } }
}

function before({ metric, part, alpha, beta, fine }: Asked, weight: number): Told {
  // Each part has a limit of its own that may be wrong: together they may be so as often as one.
  const limits = pastLimits({ past: part.past ?? {}, alpha: alpha * weight, beta, fine })
  const unhealthy = limits.highest !== undefined && limits.highest >= UNHEALTHY_SHARE && metric.counter.kind !== 'latency'
  const limit = (share: number) => ({ kind: 'absolute', share }) as const
  return {
    comparison: {
      with: 'before',
      weight,
      dispersion: part.dispersion.kind === 'known' ? part.dispersion.overTime : 1,
      ...(limits.worse === undefined ? {} : { worse: limit(limits.worse) }),
      fine: limits.fine.map(limit)
    },
    said: `${part.name} ${limits.said}${unhealthy ? '; the old version was not healthy itself, and being no worse than that says little' : ''}`
  }
}

/** An objective that the old version missed already is not the new one’s doing: nothing fails by it. */
function objective(plan: WatchPlan, { metric, part, fine, weight }: Asked): Told {
  if (metric.objective === undefined) throw new Error(`${metric.metric} has no objective`)
  const limit = { kind: 'absolute', share: metric.objective } as const
  const may = plan.objectiveBefore === 'met' || plan.objectiveBefore === 'first-deploy'
  const comparison: Comparison = {
    with: 'objective',
    weight,
    dispersion: part.dispersion.kind === 'known' ? part.dispersion.overTime : 1,
    ...(may ? { worse: limit } : {}),
    fine: fine.map(() => limit)
  }
  return { comparison }
}

function objectiveSaid({ objectiveBefore }: WatchPlan): string[] {
  switch (objectiveBefore ?? 'unknown') {
    case 'met':
      return []
    case 'first-deploy':
      return ['first deploy: there is no old version to compare with']
    case 'missed':
      return ['the old version missed the objective before the deploy: missing it is not the new one’s doing, and nothing can fail by it']
    case 'unknown':
      return ['whether the old version met the objective before the deploy is not known, so that nothing can fail by it']
  }
}
