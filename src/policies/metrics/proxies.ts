import { Type } from 'typebox'
import { closed, text } from '../schema-parts.ts'
import { atLeastField, labelName, metric, metricName, ofNamespace, whereField, windowField } from './metric.ts'
import { ratioQuery } from './ratio.ts'

const shared = { where: Type.Optional(whereField), window: windowField, atLeast: atLeastField }
const bad = (usual: string) => Type.Optional(text(`A regular expression for the status of a bad request; default ${usual}.`))

const USUAL_INGRESS_NGINX = { metric: 'nginx_ingress_controller_requests', statusLabel: 'status', bad: '5..' } as const

export const INGRESS_NGINX = metric({
  name: 'ingress-nginx',
  title: 'The share of an Ingress’ requests that ingress-nginx answers with 5xx.',
  needs:
    'ingress-nginx’ own metrics. Its label namespace is called exported_namespace where Prometheus finds the controller by itself, and namespace with honorLabels.',
  notes: [
    'The Ingress is the one with the target’s name, unless `ingress` says another. Requests that no Ingress takes have no such label, and do not count.',
    'Status 499 (the caller gave up) is no error.'
  ],
  failWhen: '> 5%',
  with: Type.Object(
    {
      metric: metricName(USUAL_INGRESS_NGINX.metric),
      ingress: Type.Optional(text('The Ingress’ name; templates as in queries; default the target’s name.')),
      namespaceLabel: labelName('the Ingress’ namespace', 'exported_namespace'),
      statusLabel: labelName('the status', USUAL_INGRESS_NGINX.statusLabel),
      bad: bad(USUAL_INGRESS_NGINX.bad),
      ...shared
    },
    closed
  ),
  query: (options, where) =>
    ratioQuery(USUAL_INGRESS_NGINX, options, [
      ofNamespace(options.namespaceLabel ?? 'exported_namespace'),
      { label: 'ingress', operator: '=', value: options.ingress ?? '{{ target.name }}' },
      ...where
    ])
})

const USUAL_ENVOY = { metric: 'envoy_cluster_upstream_rq_xx', statusLabel: 'envoy_response_code_class', bad: '5' } as const

export const ENVOY = metric({
  name: 'envoy',
  title: 'The share of an Envoy cluster’s requests that end with 5xx, its own answers (no healthy upstream, time-out) included.',
  needs: 'Envoy’s metrics of its clusters (/stats/prometheus).',
  notes: [
    'Envoy makes a counter with its first event, and names clusters as its configuration does: `outbound|80||api.shop.svc.cluster.local` in Istio.',
    'Unless it was given tags of its own, as Istio gives them, Envoy ends a cluster’s name at the first dot and puts the rest into the metric’s: for `api.shop.svc`, `cluster: api` and `metric: envoy_cluster_shop_svc_upstream_rq_xx`; or give the cluster an `alt_stat_name` without dots.',
    'A request counts once, as the caller saw it: one that a retry saved is no error.'
  ],
  failWhen: '> 5%',
  example: { cluster: '{{ target.namespace }}_{{ target.name }}_8080' },
  with: Type.Object(
    {
      metric: metricName(USUAL_ENVOY.metric),
      cluster: text('The cluster’s name as the label envoy_cluster_name has it; templates as in queries.'),
      statusLabel: labelName('the status or its class', USUAL_ENVOY.statusLabel),
      bad: bad(USUAL_ENVOY.bad),
      ...shared
    },
    closed
  ),
  query: (options, where) =>
    ratioQuery(USUAL_ENVOY, options, [{ label: 'envoy_cluster_name', operator: '=', value: options.cluster }, ...where])
})

/** Who counts a request. Two of them count it twice, so that one is chosen. */
const REPORTERS = ['destination', 'source', 'waypoint'] as const

const USUAL_ISTIO = { metric: 'istio_requests_total', statusLabel: 'response_code', bad: '5..' } as const

export const ISTIO = metric({
  name: 'istio',
  title: 'The share of a workload’s requests in an Istio mesh that end with 5xx.',
  needs: 'Istio’s standard metrics. In ambient mode the waypoint counts (reporter: waypoint); without one nobody does.',
  notes: [
    'Requests that never reach the workload are counted by the caller alone: reporter: source sees them.',
    '`response_code="0"` (the connection ended before an answer, mostly by the caller) is a request, and no error; `bad: "5..|0"` makes it one.',
    'gRPC: `statusLabel: grpc_response_status`, `bad: "2|4|13|14|15"`.',
    'A destination’s sidecar is scraped with its pod: `where: [\'pod=~"{{ target.pods }}"\']` binds the query to the new version.'
  ],
  failWhen: '> 5%',
  with: Type.Object(
    {
      metric: metricName(USUAL_ISTIO.metric),
      workload: Type.Optional(text('The workload’s name; templates as in queries; default the target’s name.')),
      reporter: Type.Optional(Type.Enum([...REPORTERS], { description: 'Who counts; default destination.' })),
      namespaceLabel: labelName('the workload’s namespace', 'destination_workload_namespace'),
      statusLabel: labelName('the status', USUAL_ISTIO.statusLabel),
      bad: bad(USUAL_ISTIO.bad),
      ...shared
    },
    closed
  ),
  query: (options, where) =>
    ratioQuery(USUAL_ISTIO, options, [
      { label: 'reporter', operator: '=', value: options.reporter ?? 'destination' },
      ofNamespace(options.namespaceLabel ?? 'destination_workload_namespace'),
      { label: 'destination_workload', operator: '=', value: options.workload ?? '{{ target.name }}' },
      ...where
    ])
})
