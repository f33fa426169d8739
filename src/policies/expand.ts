import { NAMED_METRICS } from '../domain/named-metrics.ts'
import { writePromql } from '../templates/write-promql.ts'
import { namedMetric } from './metrics/table.ts'
import { didYouMean, type Finding, type Path, schemaFindings } from './problem.ts'
import type { PolicyFile } from './schema.ts'

type FileVerification = PolicyFile['policies'][number]['verify'][number]

/** A query of a symptom with its text and its threshold, wherever they come from. */
export type WrittenVerification = Omit<FileVerification, 'use' | 'with'> & { readonly promql: string; readonly failWhen: string }

export type Expanded =
  | { readonly kind: 'query'; readonly query: WrittenVerification }
  | { readonly kind: 'wrong'; readonly findings: readonly Finding[] }

/** Makes the query of a symptom: the text that the policy has, or that of the metric that it names. */
export function expandVerification({ use, with: options, ...query }: FileVerification, path: Path): Expanded {
  if (use !== undefined) return expandMetric({ ...query, use }, options ?? {}, path)
  const { promql, failWhen } = query
  const findings: Finding[] = []
  if (promql === undefined) findings.push({ path, message: '"promql" is missing, or "use" with the name of a metric' })
  if (failWhen === undefined) findings.push({ path, message: '"failWhen" is missing' })
  if (options !== undefined) findings.push({ path: [...path, 'with'], message: 'belongs to "use": a query has no options', atKey: true })
  if (promql === undefined || failWhen === undefined || findings.length > 0) return { kind: 'wrong', findings }
  return { kind: 'query', query: { ...query, promql, failWhen } }
}

type Using = Omit<FileVerification, 'use' | 'with'> & { readonly use: string }

/** What a metric says itself, and a policy therefore cannot. */
const OWN = {
  promql: 'a metric has its own query: one of both',
  traffic: 'a metric has its own query for the traffic: its option atLeast says how much',
  window: 'a metric’s window is one of its options: with: { window: … }'
} as const

function expandMetric({ use, ...query }: Using, options: unknown, path: Path): Expanded {
  const metric = namedMetric(use)
  if (metric === undefined)
    return {
      kind: 'wrong',
      findings: [{ path: [...path, 'use'], message: `there is no metric "${use}"; ${didYouMean(use, NAMED_METRICS)}` }]
    }
  const beside = (['promql', 'traffic', 'window'] as const)
    .filter(key => query[key] !== undefined)
    .map((key): Finding => ({ path: [...path, key], message: `stands beside "use": ${OWN[key]}`, atKey: true }))
  const failWhen = query.failWhen ?? metric.failWhen
  const unsaid: Finding[] =
    failWhen === undefined ? [{ path, message: `"failWhen" is missing: ${use} has no threshold that would fit everywhere` }] : []
  const wrong = [...beside, ...unsaid, ...schemaFindings(metric.validator, metric.with, options, [...path, 'with'])]
  if (failWhen === undefined || wrong.length > 0) return { kind: 'wrong', findings: wrong }
  const made = metric.make(options)
  if (made.kind === 'wrong') return { kind: 'wrong', findings: [{ path: [...path, 'with'], message: made.problem }] }
  const { promql, traffic } = made.query
  return {
    kind: 'query',
    query: {
      name: use,
      ...query,
      failWhen,
      promql: writePromql(promql),
      ...(traffic === undefined ? {} : { traffic: { promql: writePromql(traffic.of), atLeast: traffic.atLeast } })
    }
  }
}
