import { NAMED_METRICS, type NamedMetric } from '../../domain/named-metrics.ts'
import { BURN_RATE } from './burn-rate.ts'
import { GRPC_ERROR_RATIO, GRPC_LATENCY, HTTP_ERROR_RATIO, HTTP_LATENCY } from './by-pod.ts'
import { KUBERNETES_RESTARTS, QUEUE_LAG } from './gauges.ts'
import type { Metric } from './metric.ts'
import { ENVOY, INGRESS_NGINX, ISTIO } from './proxies.ts'

const BY_NAME: Readonly<Record<NamedMetric, Metric>> = {
  'http-error-ratio': HTTP_ERROR_RATIO,
  'http-latency': HTTP_LATENCY,
  'grpc-error-ratio': GRPC_ERROR_RATIO,
  'grpc-latency': GRPC_LATENCY,
  'ingress-nginx': INGRESS_NGINX,
  envoy: ENVOY,
  istio: ISTIO,
  'kubernetes-restarts': KUBERNETES_RESTARTS,
  'queue-lag': QUEUE_LAG,
  'burn-rate': BURN_RATE
}

/** Every named metric, in the order of the list of names. */
export const NAMED: readonly Metric[] = NAMED_METRICS.map(name => BY_NAME[name])

/** The metric of that name. */
export function namedMetric(name: string): Metric | undefined {
  return NAMED.find(metric => metric.name === name)
}
