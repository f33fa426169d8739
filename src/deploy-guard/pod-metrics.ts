import type { METRICS_BY_POD } from '../domain/named-metrics.ts'
import type { Counter } from '../verification/sequential/counting/counter.ts'
import { GRPC_COUNTERS, GRPC_LATENCIES, HTTP_COUNTERS, HTTP_LATENCIES } from '../verification/sequential/counting/metric-choice.ts'

/** The metrics that a guard may be asked for by name: those that are counted pod by pod. The order is the one in which they are looked for. */
export const POD_METRICS = {
  'http-error-ratio': { protocol: 'http', what: 'errors', kind: 'http-errors', names: HTTP_COUNTERS },
  'http-latency': { protocol: 'http', what: 'latency', kind: 'latency', names: HTTP_LATENCIES },
  'grpc-error-ratio': { protocol: 'grpc', what: 'errors', kind: 'grpc-errors', names: GRPC_COUNTERS },
  'grpc-latency': { protocol: 'grpc', what: 'latency', kind: 'latency', names: GRPC_LATENCIES }
} as const satisfies Readonly<
  Record<
    (typeof METRICS_BY_POD)[number],
    { protocol: 'http' | 'grpc'; what: 'errors' | 'latency'; kind: Counter['kind']; names: readonly string[] }
  >
>
export type PodMetric = keyof typeof POD_METRICS

export function isPodMetric(name: string): name is PodMetric {
  return Object.hasOwn(POD_METRICS, name)
}

/** All names of series that are looked for: counters, and histograms both classic and native. */
export const LOOKED_FOR: readonly string[] = Object.values(POD_METRICS).flatMap(({ what, names }) =>
  what === 'errors' ? [...names] : names.flatMap(name => [name, `${name}_bucket`])
)
