import type { Counter } from './counter.ts'
import { tellsPath } from './real-traffic.ts'
import type { Labels } from './scrape.ts'

/** The counters of HTTP requests that are known, in the order in which they are looked for; docs/canary.md has the same list. */
export const HTTP_COUNTERS = [
  'http_requests_total',
  'http_server_requests_total',
  'http_server_request_duration_seconds_count',
  'http_server_requests_seconds_count',
  'http_server_duration_milliseconds_count',
  'http_request_duration_seconds_count',
  'http_requests_count'
] as const

export const GRPC_COUNTERS = [
  'grpc_server_handled_total',
  'rpc_server_call_duration_seconds_count',
  'rpc_server_duration_milliseconds_count'
] as const

/** Histograms of durations, without `_bucket`. */
export const HTTP_LATENCIES = [
  'http_server_request_duration_seconds',
  'http_server_requests_seconds',
  'http_request_duration_seconds',
  'http_server_duration_milliseconds'
] as const

export const GRPC_LATENCIES = [
  'grpc_server_handling_seconds',
  'rpc_server_call_duration_seconds',
  'rpc_server_duration_milliseconds'
] as const

/** Labels that may hold the status, in the order in which they are looked for. */
export const HTTP_STATUS_LABELS = [
  'http_response_status_code',
  'http_status_code',
  'status_code',
  'code',
  'status',
  'http_status',
  'outcome'
] as const

export const GRPC_STATUS_LABELS = ['grpc_code', 'rpc_grpc_status_code', 'rpc_response_status_code', 'grpc_status', 'code'] as const

/** What is counted, and the sentence that says so before the first block. */
export type Choice =
  | { readonly kind: 'chosen'; readonly counter: Counter; readonly tellsPaths: boolean; readonly said: string }
  | { readonly kind: 'none'; readonly said: string }

/**
 * The counter of errors: the first of the order that some pod has and whose series all carry a status. Asked of the old version’s pods
 * (of the new one’s where there are none), once, before the first block.
 */
export function chooseErrors(kind: 'http-errors' | 'grpc-errors', series: readonly Labels[]): Choice {
  const [names, statuses] = kind === 'http-errors' ? [HTTP_COUNTERS, HTTP_STATUS_LABELS] : [GRPC_COUNTERS, GRPC_STATUS_LABELS]
  const passed: string[] = []
  for (const metric of names) {
    const own = series.filter(labels => labels['__name__'] === metric)
    if (own.length === 0) continue
    const statusLabel = statuses.find(name => own.every(labels => (labels[name] ?? '') !== ''))
    if (statusLabel === undefined) {
      passed.push(`${metric} has no status label`)
      continue
    }
    const tellsPaths = own.some(tellsPath)
    const probes = tellsPaths
      ? 'probes are left out by their path'
      : 'no label has the path, so that probes are reckoned from the pod’s spec'
    const said = `errors: ${metric}, bad by its label ${statusLabel}; ${probes}`
    return { kind: 'chosen', counter: { kind, metric, statusLabel }, tellsPaths, said }
  }
  const why = passed.length === 0 ? `none of ${names.join(', ')} is there` : passed.join(', ')
  return { kind: 'none', said: `errors can't be counted: ${why}` }
}

/** The histogram of durations: the first of the order that some pod has. Its boundaries are chosen from the past (`chooseBoundaries`). */
export function chooseLatency(protocol: 'http' | 'grpc', series: readonly Labels[]): string | undefined {
  const names = protocol === 'http' ? HTTP_LATENCIES : GRPC_LATENCIES
  return names.find(name => series.some(labels => labels['__name__'] === `${name}_bucket` || labels['__name__'] === name))
}
