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

/** The metrics that a guard may be asked for: those that tell the new version’s pods from the old one’s. It counts no others yet. */
export const METRICS_BY_POD = [
  'http-error-ratio',
  'http-latency',
  'grpc-error-ratio',
  'grpc-latency'
] as const satisfies readonly NamedMetric[]
