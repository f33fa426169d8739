import { join } from 'node:path'
import t from 'tap'
import { VOCABULARY } from '../../src/app/vocabulary.ts'
import { tryQueriesAt } from '../../src/cli/try-queries.ts'
import type { RenderedQuery } from '../../src/domain/ports/verifier.ts'
import { withBreaker } from '../../src/outgoing/breaker.ts'
import { createClockOffset } from '../../src/outgoing/clock-offset.ts'
import { createHttpClient } from '../../src/outgoing/http-client.ts'
import { loadPolicies, type PolicySet } from '../../src/policies/load.ts'
import { startPrometheus } from '../../src/sandbox/monitoring.ts'
import { obtainPart, PROMETHEUS } from '../../src/sandbox/real-parts.ts'
import { renderPromql } from '../../src/templates/promql.ts'
import { createPrometheus } from '../../src/verification/prometheus.ts'
import { type Backfilled, backfill, SCRAPE } from '../support/backfill.ts'

/** 70 minutes: more than the longest window. */
const SCRAPES = 280

type Labels = Readonly<Record<string, string>>

/** A counter that grows by so much a scrape; `since` scrapes ago it was born with its first events. */
const counting =
  (perScrape: number, since = SCRAPES) =>
  (ago: number): number | undefined =>
    ago >= since ? undefined : (since - ago) * perScrape
/** A counter that stands. */
const still = () => 500
const plus = (metric: string, labels: Labels, value: Backfilled['value']): Backfilled => ({ metric, labels, value })

/** A scenario is a namespace, so that no series of one is another’s. */
const http = (namespace: string, pod: string, status: string, value: Backfilled['value']): Backfilled =>
  plus('http_requests_total', { namespace, pod, status, path: '/' }, value)
const grpc = (namespace: string, grpc_code: string, value: Backfilled['value']): Backfilled =>
  plus('grpc_server_handled_total', { namespace, pod: 'api-a', grpc_code }, value)
const nginx = (exported_namespace: string, status: string, value: Backfilled['value'], ingress = 'api'): Backfilled =>
  plus('nginx_ingress_controller_requests', { namespace: 'ingress-nginx', exported_namespace, ingress, status }, value)
const envoy = (cluster: string, code: string, value: Backfilled['value']): Backfilled =>
  plus('envoy_cluster_upstream_rq_xx', { envoy_cluster_name: `${cluster}_api_8080`, envoy_response_code_class: code }, value)
const istio = (namespace: string, response_code: string, value: Backfilled['value'], reporter = 'destination'): Backfilled =>
  plus(
    'istio_requests_total',
    { reporter, destination_workload_namespace: namespace, destination_workload: 'api', response_code, pod: 'api-a' },
    value
  )
const restarts = (namespace: string, pod: string, value: Backfilled['value']): Backfilled =>
  plus('kube_pod_container_status_restarts_total', { namespace, pod, container: 'api', uid: pod }, value)

/** A histogram: how many requests a scrape fall into each bucket, in order. */
function histogram(
  namespace: string,
  buckets: readonly (readonly [string, number])[],
  pod = 'api-a',
  metric = 'http_request_duration_seconds'
) {
  let sum = 0
  const series = buckets.map(([le, perScrape]) => {
    sum += perScrape
    return plus(`${metric}_bucket`, { namespace, pod, le }, sum === 0 ? still : counting(sum))
  })
  return [...series, plus(`${metric}_count`, { namespace, pod }, sum === 0 ? still : counting(sum))]
}

const SERIES: readonly Backfilled[] = [
  // 60 requests a scrape are 4 a second.
  http('bad', 'api-a', '200', counting(48)),
  http('bad', 'api-a', '503', counting(12)),
  http('good', 'api-a', '200', counting(60)),
  http('idle', 'api-a', '200', still),
  http('idle', 'api-a', '500', still),
  http('few', 'api-a', '200', counting(3)),
  http('few', 'api-a', '500', counting(3)),
  http('several', 'api-a', '200', counting(60)),
  http('several', 'api-b', '200', counting(40)),
  http('several', 'api-b', '500', counting(20)),
  http('several', 'api-old', '500', counting(600)),
  http('born', 'api-a', '200', counting(60)),
  http('born', 'api-a', '500', counting(30, 5)),
  http('young', 'api-a', '500', counting(60, 3)),
  http('once', 'api-a', '200', counting(60)),
  http('once', 'api-a', '500', ago => (ago === 0 ? 1 : undefined)),
  http('reset', 'api-a', '200', ago => (ago > 4 ? counting(60)(ago) : counting(60, 5)(ago))),
  http('reset', 'api-a', '500', ago => (ago > 4 ? counting(60)(ago) : counting(60, 5)(ago))),
  http('gone', 'api-a', '200', ago => (ago > 14 ? counting(60)(ago) : undefined)),
  plus('http_requests_total', { namespace: 'renamed', pod: 'api-a', code: '500' }, counting(60)),
  plus('http_requests_total', { namespace: 'renamed', pod: 'api-a', code: '200' }, counting(60)),
  http('micrometer', 'api-a', 'SERVER_ERROR', counting(60)),
  http('probes', 'api-a', '200', counting(60)),
  plus('http_requests_total', { namespace: 'probes', pod: 'api-a', status: '500', path: '/health/ready' }, counting(60)),
  http('exported', 'prometheus-0', '200', counting(60)),
  plus(
    'http_requests_total',
    { namespace: 'monitoring', exported_namespace: 'exported', exported_pod: 'api-a', status: '500' },
    counting(60)
  ),

  grpc('bad', 'OK', counting(40)),
  grpc('bad', 'DeadlineExceeded', counting(20)),
  grpc('good', 'OK', counting(40)),
  grpc('good', 'NotFound', counting(40)),
  grpc('good', 'Internal', () => 0),
  grpc('idle', 'OK', still),
  grpc('spelled', 'DATA_LOSS', counting(40)),

  ...histogram('fast', [
    ['0.1', 60],
    ['0.5', 0],
    ['1', 0],
    ['+Inf', 0]
  ]),
  ...histogram('slow', [
    ['0.1', 54],
    ['0.5', 0],
    ['1', 6],
    ['+Inf', 0]
  ]),
  ...histogram('several', [
    ['0.1', 60],
    ['0.5', 0],
    ['1', 0],
    ['+Inf', 0]
  ]),
  ...histogram(
    'several',
    [
      ['0.1', 0],
      ['0.5', 0],
      ['1', 60],
      ['+Inf', 0]
    ],
    'api-b'
  ),
  ...histogram(
    'several',
    [
      ['0.1', 0],
      ['0.5', 0],
      ['1', 0],
      ['+Inf', 600]
    ],
    'api-old'
  ),
  ...histogram('endless', [['+Inf', 60]]),
  ...histogram('beyond', [
    ['0.1', 6],
    ['0.5', 0],
    ['1', 0],
    ['+Inf', 54]
  ]),
  ...histogram('idle', [
    ['0.1', 0],
    ['0.5', 0],
    ['+Inf', 0]
  ]),
  ...histogram(
    'fast',
    [
      ['0.1', 60],
      ['0.5', 0],
      ['+Inf', 0]
    ],
    'api-a',
    'grpc_server_handling_seconds'
  ),

  nginx('bad', '200', counting(30)),
  nginx('bad', '502', counting(30)),
  nginx('good', '200', counting(60)),
  nginx('good', '500', counting(60), 'another'),
  nginx('good', '499', counting(6)),
  nginx('idle', '200', still),

  envoy('bad', '2', counting(30)),
  envoy('bad', '5', counting(30)),
  envoy('good', '2', counting(60)),
  envoy('idle', '2', still),

  istio('bad', '200', counting(30)),
  istio('bad', '503', counting(30)),
  istio('good', '200', counting(60)),
  istio('good', '0', counting(1)),
  istio('good', '503', counting(60), 'source'),
  istio('ambient', '503', counting(60), 'waypoint'),
  istio('idle', '200', still),

  restarts('crashing', 'api-a', ago => (ago > 15 ? 0 : ago > 8 ? 1 : 2)),
  restarts('good', 'api-a', () => 3),
  restarts('young', 'api-a', ago => (ago === 0 ? 1 : ago === 1 ? 0 : undefined)),
  restarts('seen-once', 'api-a', ago => (ago === 0 ? 0 : undefined)),
  restarts('old', 'api-a', () => 0),
  restarts('old', 'api-old', counting(1)),

  plus('kafka_consumergroup_lag', { consumergroup: 'bad', partition: '0' }, () => 600),
  plus('kafka_consumergroup_lag', { consumergroup: 'bad', partition: '1' }, () => 600),
  plus('kafka_consumergroup_lag', { consumergroup: 'good', partition: '0' }, () => 5),

  // Burns all the time; burned until six minutes ago; burns since six minutes ago.
  http('burned', 'api-a', '200', counting(60)),
  http('burned', 'api-a', '500', ago => (ago > 24 ? counting(30)(ago) : counting(30)(25))),
  http('burning-anew', 'api-a', '200', counting(60_000)),
  http('burning-anew', 'api-a', '500', counting(3_000, 24))
]

const FILE = {
  version: 1,
  sources: { prometheus: { url: 'http://p:9090' } },
  policies: [
    {
      name: 'p',
      match: ['alertname="A"'],
      target: { kind: 'Deployment', namespace: 'shop', name: 'api' },
      steps: [{ action: 'rollout-undo' }]
    }
  ]
}

function loaded(verify: object): PolicySet {
  const file = { ...FILE, policies: FILE.policies.map(policy => ({ ...policy, verify: [{ samples: 1, ...verify }] })) }
  const result = loadPolicies([{ file: 'p.yaml', text: JSON.stringify(file) }], VOCABULARY)
  if (result.kind === 'bad') throw new Error(JSON.stringify(result.problems))
  return result.set
}

/** The query of a named metric as the flow renders it for a target in a namespace with two pods. */
function rendered(verify: object, namespace: string): RenderedQuery {
  const query = loaded(verify).policies[0]?.verify[0]
  if (query === undefined) throw new Error('a policy has a query')
  const values = { labels: {}, annotations: {}, target: { kind: 'Deployment', namespace, name: 'api', pods: 'api-a|api-b' } }
  const text = (promql: string): string => {
    const found = renderPromql(promql, values)
    if (found.kind !== 'text') throw new Error(JSON.stringify(found))
    return found.text
  }
  const { traffic, ...rest } = query
  return { ...rest, promql: text(query.promql), ...(traffic && { traffic: { ...traffic, promql: text(traffic.promql) } }) }
}

t.test('named metrics on a real Prometheus: bad, good, no traffic, series missing, several pods', async t => {
  const folder = join(t.testdir({}), 'prometheus')
  const newest = Math.floor(Date.now() / 1_000 / SCRAPE) * SCRAPE
  await backfill(folder, SERIES, { newest, scrapes: SCRAPES })
  const server = await startPrometheus({
    program: await obtainPart(PROMETHEUS, { variables: process.env }),
    folder,
    targets: [],
    groups: [],
    alertmanagers: []
  })
  const client = createHttpClient()
  t.teardown(async () => {
    await server.stop()
    client.close()
  })
  const prometheus = createPrometheus({
    url: server.url,
    client: withBreaker(client, { name: 'prometheus' }),
    offset: createClockOffset(Date.now),
    now: Date.now,
    timeoutMs: 10_000
  })
  const judged = async (verify: object, namespace: string) => {
    const sample = await prometheus.sample([rendered(verify, namespace)], newest * 1_000, AbortSignal.timeout(30_000))
    return { ...sample, value: sample.queries[0]?.value }
  }
  const near = (value: number | undefined, expected: number): boolean => value !== undefined && Math.abs(value - expected) < expected / 50

  const all = async (verify: object, expected: Readonly<Record<string, string>>): Promise<void> => {
    for (const [namespace, verdict] of Object.entries(expected)) {
      const found = await judged(verify, namespace)
      const told = found.verdict === 'inconclusive' ? `${found.verdict}: ${found.problem}` : found.verdict
      t.equal(told, verdict, `${JSON.stringify(verify)} in ${namespace}: ${found.value}`)
    }
  }

  await all(
    { use: 'http-error-ratio' },
    {
      bad: 'fail',
      good: 'pass',
      idle: 'inconclusive: not-a-number',
      few: 'inconclusive: low-traffic',
      several: 'fail',
      born: 'fail',
      young: 'fail',
      once: 'pass',
      reset: 'fail',
      gone: 'inconclusive: no-data',
      nowhere: 'inconclusive: no-data',
      renamed: 'inconclusive: no-data',
      micrometer: 'fail',
      probes: 'fail'
    }
  )
  t.ok(near((await judged({ use: 'http-error-ratio' }, 'bad')).value, 12 / 60))
  t.ok(near((await judged({ use: 'http-error-ratio' }, 'several')).value, 20 / 120), 'the old version’s pods are not counted')
  t.equal((await judged({ use: 'http-error-ratio' }, 'good')).value, 0, 'no series of errors is a share of 0')
  await all({ use: 'http-error-ratio', with: { statusLabel: 'code' } }, { renamed: 'fail' })
  await all({ use: 'http-error-ratio', with: { where: ['path!~"/health/.*"'] } }, { probes: 'pass', bad: 'fail' })
  await all({ use: 'http-error-ratio', with: { bad: '4..' } }, { bad: 'pass' })
  await all({ use: 'http-error-ratio', with: { atLeast: 0.1 } }, { few: 'fail', idle: 'inconclusive: not-a-number' })
  await all({ use: 'http-error-ratio', failWhen: '> 30%' }, { bad: 'pass' })
  await all({ use: 'http-error-ratio', with: { podLabel: 'exported_pod', namespaceLabel: 'exported_namespace' } }, { exported: 'fail' })

  await all(
    { use: 'grpc-error-ratio' },
    { bad: 'fail', good: 'pass', idle: 'inconclusive: not-a-number', spelled: 'fail', nowhere: 'inconclusive: no-data' }
  )

  const slow = { use: 'http-latency', failWhen: '> 0.5' }
  await all(slow, {
    fast: 'pass',
    slow: 'fail',
    several: 'fail',
    // One bucket alone tells nothing of how long.
    endless: 'inconclusive: not-a-number',
    idle: 'inconclusive: not-a-number',
    nowhere: 'inconclusive: no-data'
  })
  await all({ ...slow, with: { percentile: 50 } }, { slow: 'pass' })
  t.equal((await judged(slow, 'beyond')).value, 1, 'no more than the highest boundary is known: a threshold must lie below it')
  await all({ use: 'grpc-latency', failWhen: '> 0.5' }, { fast: 'pass', slow: 'inconclusive: no-data' })
  await all({ ...slow, with: { histogram: 'native' } }, { fast: 'inconclusive: no-data' })

  await all({ use: 'ingress-nginx' }, { bad: 'fail', good: 'pass', idle: 'inconclusive: not-a-number', nowhere: 'inconclusive: no-data' })
  await all({ use: 'ingress-nginx', with: { ingress: 'another' } }, { good: 'fail', bad: 'inconclusive: no-data' })
  await all({ use: 'ingress-nginx', with: { namespaceLabel: 'namespace' } }, { bad: 'inconclusive: no-data' })
  await all(
    { use: 'envoy', with: { cluster: '{{ target.namespace }}_{{ target.name }}_8080' } },
    { bad: 'fail', good: 'pass', idle: 'inconclusive: not-a-number', nowhere: 'inconclusive: no-data' }
  )
  await all({ use: 'istio' }, { bad: 'fail', good: 'pass', idle: 'inconclusive: not-a-number', ambient: 'inconclusive: no-data' })
  await all({ use: 'istio', with: { reporter: 'waypoint' } }, { ambient: 'fail', good: 'inconclusive: no-data' })
  await all({ use: 'istio', with: { reporter: 'source' } }, { good: 'fail' })

  await all(
    { use: 'kubernetes-restarts' },
    { crashing: 'fail', good: 'pass', young: 'pass', 'seen-once': 'pass', old: 'pass', nowhere: 'inconclusive: no-data' }
  )
  t.equal((await judged({ use: 'kubernetes-restarts' }, 'young')).value, 1, 'one restart is one, and not two by extrapolation')

  const lag = (group: string) => ({ use: 'queue-lag', failWhen: '> 1000', with: { where: [`consumergroup="${group}"`] } })
  await all(lag('bad'), { any: 'fail' })
  await all(lag('good'), { any: 'pass' })
  await all(lag('nobody'), { any: 'inconclusive: no-data' })
  await all({ ...lag('bad'), with: { where: ['consumergroup="bad"'], of: 'max' } }, { any: 'pass' })

  const burn = { use: 'burn-rate', with: { objective: '99.9%', where: ['path="/"'], short: '5m', long: '1h' } }
  await all(burn, {
    bad: 'fail',
    good: 'pass',
    burned: 'pass',
    'burning-anew': 'pass',
    idle: 'inconclusive: not-a-number',
    nowhere: 'inconclusive: no-data'
  })
  await all(
    { use: 'burn-rate', with: { objective: '99.9%', where: ['path="/"'] } },
    { bad: 'fail', good: 'pass', burned: 'pass', 'burning-anew': 'fail' }
  )
  t.ok(near((await judged(burn, 'bad')).value, 200), 'a fifth of all requests, where a thousandth may fail')

  const tried = await tryQueriesAt(server.url, loaded({ use: 'http-error-ratio' }), {})
  t.match(
    tried.map(({ query, state }) => [query, state]),
    [
      ['http-error-ratio', 'warning'],
      ['http-error-ratio, traffic', 'warning']
    ],
    'validate --prometheus asks for named metrics as for any query: shop has no series'
  )
})
