import { SECOND } from '../base/clock.ts'
import type { DeployGuard, GuardReported } from '../domain/deploy-guard.ts'
import type { GuardMetrics, ReportedQuery } from '../domain/guard-metrics.ts'
import type { GuardedPod } from '../domain/guarded-pod.ts'
import { isReportedMetric } from '../domain/named-metrics.ts'
import { quoteRegex, renderPromql } from '../templates/promql.ts'
import { UNSAID } from '../verification/sequential/counting/number-source.ts'
import type { Numbers } from './sessions.ts'

/** How often a metric is asked for that is only reported. */
const EVERY_MS = 30 * SECOND

export interface ReportedQuestion {
  readonly guard: DeployGuard
  readonly asked: GuardMetrics
  readonly pods: readonly GuardedPod[]
  readonly now: number
}

/**
 * What the metrics are that decide nothing. They are outside of the error rate: no verdict, no pass and no wait rests on them, and one
 * that can’t be read is told as such.
 */
export async function reportedOf(
  { guard, asked, pods, now }: ReportedQuestion,
  { number }: Pick<Numbers, 'number'>,
  signal: AbortSignal
): Promise<readonly GuardReported[]> {
  const { reported = [], options } = guard
  const names = options.metrics.filter(isReportedMetric)
  if (names.length === 0 || reported.some(({ at }) => now - at < EVERY_MS)) return reported
  const queries = names.flatMap(name => asked.reported.filter(query => query.name === name))
  return Promise.all(
    queries.map(async (query): Promise<GuardReported> => {
      const { name } = query
      if (number === undefined) return { name, at: now, why: 'no Prometheus is configured' }
      const promql = promqlOf(query, guard, pods)
      if (promql === undefined) return { name, at: now, why: 'the new version has no pods' }
      const said = await number(promql, now, signal)
      if (said.kind === 'unsaid') return { name, at: now, why: `${UNSAID[said.because]}: ${said.detail}` }
      return said.value === undefined ? { name, at: now, why: 'there is no number' } : { name, at: now, value: said.value }
    })
  )
}

function promqlOf({ promql }: ReportedQuery, { target }: DeployGuard, pods: readonly GuardedPod[]): string | undefined {
  const fresh = pods.filter(({ version }) => version === 'new').map(({ name }) => quoteRegex(name))
  const { kind, namespace, name } = target
  const values = { kind, namespace, name, ...(fresh.length === 0 ? {} : { pods: fresh.join('|') }) }
  const rendered = renderPromql(promql, { labels: {}, annotations: {}, target: values })
  return rendered.kind === 'text' ? rendered.text : undefined
}
