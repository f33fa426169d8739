import type { DeployGuardOptions } from '../domain/deploy-guard.ts'
import type { GuardMetrics } from '../domain/guard-metrics.ts'
import { isProxyMetric, isReportedMetric } from '../domain/named-metrics.ts'
import { isPodMetric } from './pod-metrics.ts'

/** Why a guard can’t be asked for these metrics together, in a sentence; undefined where it can. */
export function wrongMetrics(
  { metrics, baseline }: Pick<DeployGuardOptions, 'metrics' | 'baseline'>,
  known: GuardMetrics
): string | undefined {
  const proxies = metrics.filter(isProxyMetric)
  const queries = new Set<string>([...known.proxies, ...known.reported].map(({ name }) => name))
  const bare = metrics.filter(name => (isProxyMetric(name) || isReportedMetric(name)) && !queries.has(name))
  if (bare.length > 0)
    return `${bare.join(', ')} ${bare.length === 1 ? 'has' : 'have'} no usual query: the namespace’s entry of \`guards:\` must give the options, under \`metrics\``
  if (proxies.length === 0) return undefined
  const pods = metrics.filter(isPodMetric)
  if (pods.length > 0)
    return `${proxies.join(', ')} and ${pods.join(', ')} can’t be judged by one guard: proxies count for all pods alike, and the others pod by pod`
  if (baseline === 'concurrent' || baseline === 'concurrent-and-before')
    return `${proxies.join(', ')} can’t be compared with baseline ${baseline}: a proxy does not tell the old version’s pods from the new one’s; choose the baseline before or objective`
  return undefined
}
