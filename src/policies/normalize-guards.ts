import { MINUTE, SECOND } from '../base/clock.ts'
import type { GuardPolicy } from '../domain/deploy-guard.ts'
import type { GuardMetrics } from '../domain/guard-metrics.ts'
import { type Margin, parseMargin } from '../domain/margin.ts'
import { METRICS_WITH_OPTIONS, NAMED_METRICS } from '../domain/named-metrics.ts'
import { guardMetricsOf, type MetricOptions } from './guard-metrics.ts'
import { budgetsOf, confirmOf, DEFAULT_COOLDOWN, optional, parseThreshold, stormOf } from './normalize.ts'
import type { PolicyFile } from './schema.ts'

type FileGuard = NonNullable<PolicyFile['guards']>[number]

/** The margin of the judge's proof of a pass: wider than that nothing would be proven. */
const WIDEST: Margin = { ratio: 2, add: 0.005 }
/** What an old version fails that the judge calls unhealthy. */
const LOOSEST_OBJECTIVE = 0.05

/** The entries of `guards:` of a checked file, with every default filled in and every duration in milliseconds. */
export function normalizeGuards(file: PolicyFile): GuardPolicy[] {
  return (file.guards ?? []).map(entry => normalizeGuard(entry, file))
}

function normalizeGuard(entry: FileGuard, file: PolicyFile): GuardPolicy {
  const { defaults } = file
  const { tolerate, objective, metrics } = entry.bounds ?? {}
  return {
    name: entry.name,
    mode: entry.mode ?? defaults?.mode ?? 'dry-run',
    guards: {
      namespaces: entry.namespaces ?? defaults?.guards?.namespaces ?? [],
      cooldown: optional(entry.cooldown ?? defaults?.guards?.cooldown, DEFAULT_COOLDOWN),
      budgets: budgetsOf(defaults?.guards?.budgets, entry.budgets),
      storm: stormOf(file)
    },
    steps: (entry.steps ?? [{ action: 'rollout-undo' }]).map(step => ({
      action: step.action,
      with: 'with' in step && isRecord(step.with) ? step.with : {},
      confirm: confirmOf('confirm' in step ? step.confirm : undefined)
    })),
    escalate: {
      after: optional(entry.escalate?.after ?? defaults?.escalate?.after, 20 * MINUTE),
      to: entry.escalate?.to ?? defaults?.escalate?.to ?? []
    },
    recheck: optional(entry.recheck ?? defaults?.recheck, 30 * SECOND),
    widest: tolerate === undefined ? WIDEST : marginOf(tolerate),
    objective:
      objective === undefined ? LOOSEST_OBJECTIVE : (parseShare(objective) ?? raise(`objective was not checked at load: ${objective}`)),
    metrics: metrics ?? usualNames(entry.metrics ?? {}),
    asked: askedOf(entry.metrics ?? {})
  }
}

/** All metrics that the name alone asks something of. */
function usualNames(options: MetricOptions): readonly string[] {
  return NAMED_METRICS.filter(name => options[name] !== undefined || !METRICS_WITH_OPTIONS.some(needing => needing === name))
}

function askedOf(options: MetricOptions): GuardMetrics {
  const made = guardMetricsOf(options, [])
  return made.kind === 'made' ? made.asked : raise('options of metrics were not checked at load')
}

/** Parses a share of requests such as `1%` or `0.01`; undefined for anything else, and for all requests. */
export function parseShare(text: string): number | undefined {
  const share = parseThreshold(`< ${text}`)?.value
  return share === undefined || share < 0 || share >= 1 ? undefined : share
}

function marginOf(text: string): Margin {
  const parsed = parseMargin(text)
  return parsed.kind === 'margin' ? parsed.margin : raise(`tolerance was not checked at load: ${text}`)
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function raise(message: string): never {
  throw new Error(message)
}
