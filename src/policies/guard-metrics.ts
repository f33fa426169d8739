import { type GuardMetrics, NO_GUARD_METRICS } from '../domain/guard-metrics.ts'
import { isProxyMetric, isReportedMetric, METRICS_OF_PROXIES, METRICS_REPORTED, METRICS_WITH_OPTIONS } from '../domain/named-metrics.ts'
import { parsePromqlTemplate } from '../templates/promql.ts'
import { writePromql } from '../templates/write-promql.ts'
import { requestSelector } from './metrics/ratio.ts'
import { namedMetric } from './metrics/table.ts'
import type { Finding, Path } from './problem.ts'

/** The metrics whose options an entry of `guards:` may give. Those that are counted pod by pod are found by what the pods have. */
export const METRICS_OF_ENTRIES = [...METRICS_OF_PROXIES, ...METRICS_REPORTED] as const
type MetricOfEntries = (typeof METRICS_OF_ENTRIES)[number]

/** Options of metrics as an entry has them, by their names; the schema has checked them. */
export type MetricOptions = Readonly<Record<string, unknown>>

type Made = { readonly kind: 'made'; readonly asked: GuardMetrics } | { readonly kind: 'wrong'; readonly findings: readonly Finding[] }

/** What a guard of an entry with these options asks. A metric without options is asked as is usual, where anything is usual for it. */
export function guardMetricsOf(options: MetricOptions, path: Path): Made {
  const findings: Finding[] = []
  let asked = NO_GUARD_METRICS
  for (const name of METRICS_OF_ENTRIES) {
    if (options[name] === undefined && METRICS_WITH_OPTIONS.some(needing => needing === name)) continue
    const one = guardMetricOf(name, options[name] ?? {}, [...path, name])
    if (one.kind === 'wrong') findings.push(...one.findings)
    else asked = { proxies: [...asked.proxies, ...one.asked.proxies], reported: [...asked.reported, ...one.asked.reported] }
  }
  return findings.length === 0 ? { kind: 'made', asked } : { kind: 'wrong', findings }
}

function guardMetricOf(name: MetricOfEntries, options: unknown, path: Path): Made {
  const metric = namedMetric(name)
  if (metric === undefined) throw new Error(`there is no metric ${name}`)
  const made = metric.make(options)
  if (made.kind === 'wrong') return wrong(path, made.problem)
  const { promql, counts } = made.query
  if (isReportedMetric(name)) {
    const text = writePromql(promql)
    const problem = templateProblem(text, ['namespace', 'name', 'kind', 'pods'])
    return problem === undefined ? { kind: 'made', asked: { proxies: [], reported: [{ name, promql: text }] } } : wrong(path, problem)
  }
  if (!isProxyMetric(name) || counts === undefined) throw new Error(`${name} counts nothing`)
  if (counts.bad.includes('{{')) return wrong([...path, 'bad'], 'is a regular expression, and no template')
  const selector = writePromql(requestSelector(counts))
  const problem = templateProblem(writePromql(promql), ['namespace', 'name', 'kind'])
  if (problem !== undefined) return wrong(path, problem)
  const { statusLabel, bad } = counts
  return { kind: 'made', asked: { proxies: [{ name, selector, statusLabel, bad }], reported: [] } }
}

/** What is asked where no entry says anything. */
export const USUAL_GUARD_METRICS: GuardMetrics = usual()

function usual(): GuardMetrics {
  const made = guardMetricsOf({}, [])
  if (made.kind === 'wrong') throw new Error(made.findings.map(({ message }) => message).join('; '))
  return made.asked
}

/** A guard has a target and no alert: what is wrong with a query’s holes, in a sentence. */
function templateProblem(promql: string, known: readonly string[]): string | undefined {
  const parsed = parsePromqlTemplate(promql)
  if ('error' in parsed) return parsed.error
  const hole = parsed.template.holes.find(({ root, name }) => root !== 'target' || !known.includes(name))
  if (hole === undefined) return undefined
  return hole.root === 'target' && hole.name === 'pods'
    ? '{{ target.pods }} can’t be asked of a proxy by a guard: it counts for all pods alike'
    : `{{ ${hole.root}.${hole.name} }} is not known to a guard: it knows ${known.map(name => `target.${name}`).join(', ')}`
}

function wrong(path: Path, message: string): Made {
  return { kind: 'wrong', findings: [{ path, message }] }
}
