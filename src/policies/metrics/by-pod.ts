import { Type } from 'typebox'
import type { NamedMetric } from '../../domain/named-metrics.ts'
import type { MatcherParts } from '../../templates/write-promql.ts'
import { closed, text } from '../schema-parts.ts'
import {
  atLeastField,
  labelName,
  type Metric,
  type MetricQuery,
  metric,
  metricName,
  ofPods,
  podFields,
  span,
  USUAL_TRAFFIC,
  USUAL_WINDOW,
  whereField,
  windowField
} from './metric.ts'
import { ratioQuery, sum, sumOfRate } from './ratio.ts'

/** What differs between HTTP and gRPC. */
interface Protocol {
  readonly name: NamedMetric
  readonly title: string
  readonly needs: string
  readonly notes?: readonly string[]
  readonly metric: string
}

function errorRatio(protocol: Protocol & { readonly statusLabel: string; readonly bad: string }): Metric {
  const { name, title, needs, notes = [] } = protocol
  return metric({
    name,
    title,
    needs,
    notes,
    failWhen: '> 5%',
    with: Type.Object(
      {
        metric: metricName(protocol.metric),
        statusLabel: labelName('the status', protocol.statusLabel),
        bad: Type.Optional(text(`A regular expression for the status of a bad request; default ${protocol.bad}.`)),
        ...podFields,
        where: Type.Optional(whereField),
        window: windowField,
        atLeast: atLeastField
      },
      closed
    ),
    query: (options, where) => ratioQuery(protocol, options, [...ofPods(options), ...where])
  })
}

/** How Prometheus keeps a histogram: a series for each bucket, or one series that has them all. */
const HISTOGRAMS = ['classic', 'native'] as const

function latency(protocol: Protocol): Metric {
  const { name, title, needs, notes = [] } = protocol
  const schema = Type.Object(
    {
      metric: metricName(`${protocol.metric}, the histogram’s name without _bucket`),
      percentile: Type.Optional(
        Type.Number({ exclusiveMinimum: 0, exclusiveMaximum: 100, description: 'Which one, such as 99 or 99.9; default 99.' })
      ),
      histogram: Type.Optional(Type.Enum([...HISTOGRAMS], { description: 'How Prometheus keeps it; default classic.' })),
      ...podFields,
      where: Type.Optional(whereField),
      window: windowField,
      atLeast: atLeastField
    },
    closed
  )
  return metric({
    name,
    title,
    needs,
    notes,
    with: schema,
    query: (options, where) => latencyQuery(options.metric ?? protocol.metric, [...ofPods(options), ...where], options)
  })
}

interface LatencyOptions {
  readonly percentile?: number
  readonly histogram?: (typeof HISTOGRAMS)[number]
  readonly window?: string
  readonly atLeast?: number
}

function latencyQuery(name: string, matchers: readonly MatcherParts[], options: LatencyOptions): MetricQuery {
  const { percentile = 99, histogram = 'classic', window = USUAL_WINDOW, atLeast = USUAL_TRAFFIC } = options
  const range = span(window)
  // Twelve digits: 99.9 ÷ 100 is not quite 0.999 in doubles.
  const quantile = { kind: 'number', value: Number((percentile / 100).toPrecision(12)) } as const
  switch (histogram) {
    case 'classic': {
      const buckets = sum({ kind: 'call', name: 'rate', args: [{ kind: 'selector', metric: `${name}_bucket`, matchers, range }] }, ['le'])
      return {
        promql: { kind: 'call', name: 'histogram_quantile', args: [quantile, buckets] },
        traffic: { of: sumOfRate(`${name}_count`, matchers, range), atLeast }
      }
    }
    case 'native': {
      const all = sumOfRate(name, matchers, range)
      return {
        promql: { kind: 'call', name: 'histogram_quantile', args: [quantile, all] },
        traffic: { of: { kind: 'call', name: 'histogram_count', args: [all] }, atLeast }
      }
    }
  }
}

/** Server errors, however they are written: `503`, `5xx`, Micrometer’s `SERVER_ERROR`. */
export const BAD_HTTP = '5..|SERVER_ERROR'

/** The codes that are the server’s fault, by name in any spelling and by number. A client’s errors are answers. */
export const BAD_GRPC = '(?i:unknown|internal|unavailable|deadline_?exceeded|data_?loss)|2|4|13|14|15'

export const HTTP_ERROR_RATIO = errorRatio({
  name: 'http-error-ratio',
  title: 'The share of HTTP requests that the target’s pods answer with 5xx.',
  needs: 'A counter of requests that the pods expose, with the status in a label.',
  notes: [
    'Libraries name the label differently: `code` (Go), `status_code`, `http_response_status_code` (OpenTelemetry), `outcome` (Micrometer). Where it is wrong there is no data, and nothing is decided.',
    'Probes dilute errors: leave them out by their path, as in `where: [\'path!~"/health.*"\']`.'
  ],
  metric: 'http_requests_total',
  statusLabel: 'status',
  bad: BAD_HTTP
})

export const GRPC_ERROR_RATIO = errorRatio({
  name: 'grpc-error-ratio',
  title: 'The share of gRPC calls that end with Unknown, Internal, Unavailable, DeadlineExceeded or DataLoss.',
  needs: 'A counter of calls that the pods expose, with the code in a label.',
  metric: 'grpc_server_handled_total',
  statusLabel: 'grpc_code',
  bad: BAD_GRPC
})

const LATENCY_NOTES = [
  'It has no threshold of its own: say `failWhen`, in the metric’s unit.',
  'Of a classic histogram no more than its highest finite boundary is ever known: a threshold at or above that one never fails.'
]

export const HTTP_LATENCY = latency({
  name: 'http-latency',
  title: 'A percentile of the time that the target’s pods take for an HTTP request, in the metric’s own unit.',
  needs: 'A histogram of durations that the pods expose, classic or native.',
  notes: LATENCY_NOTES,
  metric: 'http_request_duration_seconds'
})

export const GRPC_LATENCY = latency({
  name: 'grpc-latency',
  title: 'A percentile of the time that the target’s pods take for a gRPC call, in the metric’s own unit.',
  needs: 'A histogram of durations that the pods expose, classic or native.',
  notes: LATENCY_NOTES,
  metric: 'grpc_server_handling_seconds'
})
