import type { ProxyMetric, ReportedMetric } from './named-metrics.ts'

/** A metric that a proxy counts, as a guard asks for it. The selector has holes for the target. */
export interface ProxyQuery {
  readonly name: ProxyMetric
  readonly selector: string
  readonly statusLabel: string
  /** A regular expression for the status of a bad request, as Prometheus has them. */
  readonly bad: string
}

/** A metric that a guard only reports. The query has holes for the target, and for the pods of its new version. */
export interface ReportedQuery {
  readonly name: ReportedMetric
  readonly promql: string
}

/** What a guard asks of the metrics that are not counted pod by pod, by their names. */
export interface GuardMetrics {
  readonly proxies: readonly ProxyQuery[]
  readonly reported: readonly ReportedQuery[]
}

export const NO_GUARD_METRICS: GuardMetrics = { proxies: [], reported: [] }
