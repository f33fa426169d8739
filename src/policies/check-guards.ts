import { isCoveredBy } from '../domain/guard-entries.ts'
import { parseMargin } from '../domain/margin.ts'
import { METRICS_WITH_OPTIONS } from '../domain/named-metrics.ts'
import { checkEscalation } from './check-escalation.ts'
import { guardMetricsOf, type MetricOptions } from './guard-metrics.ts'
import { parseShare } from './normalize-guards.ts'
import type { Finding, Path } from './problem.ts'
import type { PolicyFile } from './schema.ts'
import type { StepCheck } from './step-check.ts'

type FileGuard = NonNullable<PolicyFile['guards']>[number]

/** Checks what no schema can say of the entries of `guards:`. Entries of other files are checked beside them by `checkGuardOrder`. */
export function checkGuards(file: PolicyFile, checkStep: StepCheck): Finding[] {
  return (file.guards ?? []).flatMap((entry, index) => checkGuard(entry, file, ['guards', index], checkStep))
}

function checkGuard(entry: FileGuard, file: PolicyFile, path: Path, checkStep: StepCheck): Finding[] {
  const findings: Finding[] = []
  if ((entry.namespaces ?? file.defaults?.guards?.namespaces ?? []).length === 0)
    findings.push({ path, message: 'covers no namespace: add namespaces, here or as guards.namespaces in defaults' })
  const seen = new Set<string>()
  for (const [index, step] of (entry.steps ?? []).entries()) {
    const at: Path = [...path, 'steps', index]
    findings.push(...checkStep(step.action, step.with ?? {}, 'guard', at))
    if (seen.has(step.action))
      findings.push({ path: [...at, 'action'], message: `"${step.action}" stands in the ladder twice; each rung is climbed once` })
    seen.add(step.action)
  }
  const { tolerate, objective, metrics } = entry.bounds ?? {}
  const margin = tolerate === undefined ? undefined : parseMargin(tolerate)
  if (margin?.kind === 'wrong') findings.push({ path: [...path, 'bounds', 'tolerate'], message: margin.problem })
  if (objective !== undefined && parseShare(objective) === undefined)
    findings.push({
      path: [...path, 'bounds', 'objective'],
      message: `"${objective}" is no share of requests: write "1%", between 0% and 100%`
    })
  const options: MetricOptions = entry.metrics ?? {}
  const made = guardMetricsOf(options, [...path, 'metrics'])
  if (made.kind === 'wrong') findings.push(...made.findings)
  for (const [index, name] of (metrics ?? []).entries())
    if (options[name] === undefined && METRICS_WITH_OPTIONS.some(needing => needing === name))
      findings.push({
        path: [...path, 'bounds', 'metrics', index],
        message: `"${name}" has no usual query: give its options in the entry, as metrics: { ${name}: { … } }`
      })
  findings.push(...checkEscalation(entry.escalate, file, [...path, 'escalate']))
  const mode = entry.mode ?? file.defaults?.mode ?? 'dry-run'
  if (mode === 'auto' && (entry.escalate?.to ?? file.defaults?.escalate?.to ?? []).length === 0)
    findings.push({ path, message: 'mode auto needs a channel in escalate.to: whom does Astern tell when it must not or cannot act?' })
  return findings
}

/** An entry of `guards:`, and where it stands. */
export interface PlacedGuard {
  readonly entry: FileGuard
  readonly namespaces: readonly string[]
  /** Its path in its own file. */
  readonly path: Path
}

/** What is wrong with an entry because of an earlier one. */
export interface GuardClash {
  readonly index: number
  readonly finding: Finding
}

/**
 * Checks entries against each other and against policies: names, and whether each still has a namespace to cover. The first entry that
 * covers a namespace rules it; one that is never the first would do nothing.
 */
export function checkGuardOrder(placed: readonly PlacedGuard[], policies: ReadonlySet<string>): GuardClash[] {
  return placed.flatMap(({ entry, namespaces, path }, index): GuardClash[] => {
    const earlier = placed.slice(0, index)
    const clash = (key: string, message: string): GuardClash => ({ index, finding: { path: [...path, key], message } })
    const found: GuardClash[] = []
    if (policies.has(entry.name)) found.push(clash('name', `the name "${entry.name}" is taken by a policy, and a run has only one of them`))
    if (earlier.some(other => other.entry.name === entry.name))
      found.push(clash('name', `the name "${entry.name}" is taken by another guard`))
    const lists = earlier.map(other => other.namespaces)
    if (isCoveredBy(namespaces, lists)) {
      const names = earlier.filter(other => overlap(namespaces, other.namespaces)).map(other => `"${other.entry.name}"`)
      found.push({
        index,
        finding: {
          path: entry.namespaces === undefined ? path : [...path, 'namespaces'],
          message: `covers nothing: ${names.join(' and ')} stands before it and covers ${namespaces.join(', ')} already; the first entry that covers a namespace rules it`
        }
      })
    }
    return found
  })
}

function overlap(globs: readonly string[], earlier: readonly string[]): boolean {
  return globs.some(glob => isCoveredBy([glob], [earlier]))
}
