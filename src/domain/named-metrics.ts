/**
 * The metrics that have a name: a policy verifies with them (`use:`), and a guard is asked for them. `docs/metrics.md` has what each needs.
 */
export const NAMED_METRICS = [
  'http-error-ratio',
  'http-latency',
  'grpc-error-ratio',
  'grpc-latency',
  'ingress-nginx',
  'envoy',
  'istio',
  'kubernetes-restarts',
  'queue-lag',
  'burn-rate'
] as const
export type NamedMetric = (typeof NAMED_METRICS)[number]

/** The metrics that tell the new version’s pods from the old one’s: what a guard counts where it was asked for nothing by name. */
export const METRICS_BY_POD = [
  'http-error-ratio',
  'http-latency',
  'grpc-error-ratio',
  'grpc-latency'
] as const satisfies readonly NamedMetric[]

/** The metrics that a proxy counts for all pods alike: a guard compares them with the past, or with an objective. */
export const METRICS_OF_PROXIES = ['ingress-nginx', 'envoy', 'istio'] as const satisfies readonly NamedMetric[]
export type ProxyMetric = (typeof METRICS_OF_PROXIES)[number]

/** The metrics that a guard only reports: they decide nothing. */
export const METRICS_REPORTED = ['kubernetes-restarts', 'queue-lag', 'burn-rate'] as const satisfies readonly NamedMetric[]
export type ReportedMetric = (typeof METRICS_REPORTED)[number]

/** The metrics whose query needs options, because nothing is usual for them: the name alone asks nothing. */
export const METRICS_WITH_OPTIONS = ['envoy', 'queue-lag', 'burn-rate'] as const satisfies readonly NamedMetric[]

export function isProxyMetric(name: string): name is ProxyMetric {
  return METRICS_OF_PROXIES.some(known => known === name)
}

export function isReportedMetric(name: string): name is ReportedMetric {
  return METRICS_REPORTED.some(known => known === name)
}
