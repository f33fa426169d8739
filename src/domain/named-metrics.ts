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

/** What a guard may be asked for where its entry names no metrics: those that tell the new version’s pods from the old one’s. */
export const METRICS_BY_POD = [
  'http-error-ratio',
  'http-latency',
  'grpc-error-ratio',
  'grpc-latency'
] as const satisfies readonly NamedMetric[]
