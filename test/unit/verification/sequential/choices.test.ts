import { readFileSync } from 'node:fs'
import t from 'tap'
import { parseMargin } from '../../../../src/domain/margin.ts'
import { isBadGrpc, isBadHttp } from '../../../../src/verification/sequential/counting/bad-status.ts'
import {
  chooseBoundaries,
  isNativeBoundary,
  nativeAsBuckets,
  nativeSlowShares,
  slowShares
} from '../../../../src/verification/sequential/counting/latency.ts'
import {
  chooseErrors,
  chooseLatency,
  GRPC_COUNTERS,
  GRPC_LATENCIES,
  GRPC_STATUS_LABELS,
  HTTP_COUNTERS,
  HTTP_LATENCIES,
  HTTP_STATUS_LABELS
} from '../../../../src/verification/sequential/counting/metric-choice.ts'
import { isProbe, PATH_LABELS } from '../../../../src/verification/sequential/counting/real-traffic.ts'

t.test('a tolerance is read as people write it', async t => {
  const read = (text: string) => {
    const parsed = parseMargin(text)
    return parsed.kind === 'margin' ? [parsed.margin.ratio, Number(parsed.margin.add.toPrecision(12))] : parsed.problem
  }
  t.same(read('x1.2 + 0.05pp'), [1.2, 0.0005])
  t.same(read('×1.2+0.05 pp'), [1.2, 0.0005])
  t.same(read(' X2 '), [2, 0])
  t.same(read('0.5PP'), [1, 0.005])
  t.match(read('1.2'), /is no tolerance: write/)
  t.match(read('x1.2 0.05pp'), /joined by "\+"/)
  t.match(read('x1.2 +'), /joined by "\+"/)
  t.match(read('0.05%'), /is no tolerance/)
  t.match(read(''), /is no tolerance/)
  t.match(read('x0.9'), /at least x1/)
  t.match(read('x1000'), /at most x100/)
  t.match(read(`x${'9'.repeat(50)}`), /at most x100/)
  t.match(read('100pp'), /below 100pp/)
})

t.test('thousands of blanks in a tolerance are answered at once', async t => {
  const began = performance.now()
  t.match(parseMargin(`x1${' '.repeat(100_000)}!`), { kind: 'wrong' })
  t.ok(performance.now() - began < 1_000)
})

t.test('bad are 5xx, and of gRPC the five codes that are the server’s fault, however they are written', async t => {
  for (const status of ['500', '503', '599', '5xx', '5XX', 'SERVER_ERROR']) t.ok(isBadHttp(status), status)
  for (const status of ['200', '404', '4xx', '50', '5000', '', 'OK']) t.notOk(isBadHttp(status), status)
  for (const code of [
    'Unknown',
    'UNKNOWN',
    '2',
    'Internal',
    '13',
    'UNAVAILABLE',
    '14',
    'DeadlineExceeded',
    'DEADLINE_EXCEEDED',
    '4',
    'DataLoss',
    'DATA_LOSS',
    '15'
  ])
    t.ok(isBadGrpc(code), code)
  for (const code of [
    'OK',
    '0',
    'Canceled',
    '1',
    'InvalidArgument',
    'NotFound',
    'ResourceExhausted',
    '8',
    'Unimplemented',
    '12',
    'Unauthenticated'
  ])
    t.notOk(isBadGrpc(code), code)
})

t.test('probes, scrapes, and gRPC’s health service are no traffic; what only looks like them is', async t => {
  for (const path of [
    '/healthz',
    '/health',
    'readyz',
    '/livez',
    '/actuator/health/liveness',
    '/metrics',
    '/-/healthy',
    '/ping',
    '/q/health/live'
  ])
    t.ok(isProbe({ path }), path)
  for (const path of ['/health-insurance', '/metrics-of-sales', '/orders', '/readings', '/pingpong', '/live/stream'])
    t.notOk(isProbe({ path }), path)
  t.ok(isProbe({ grpc_service: 'grpc.health.v1.Health' }))
  t.notOk(isProbe({ path: '/api/alive' }))
  t.ok(isProbe({ path: '/api/alive' }, ['/api/alive']), 'by the pod’s spec')
  t.ok(isProbe({ user_agent: 'kube-probe/1.33' }))
})

t.test('the counter is the first of the order that is there and has a status, and both are said', async t => {
  const series = [
    { __name__: 'http_requests_total', method: 'GET' },
    { __name__: 'http_server_request_duration_seconds_count', http_response_status_code: '200', http_route: '/x' }
  ]
  t.match(chooseErrors('http-errors', series), {
    kind: 'chosen',
    counter: { metric: 'http_server_request_duration_seconds_count', statusLabel: 'http_response_status_code' },
    tellsPaths: true,
    said: /http_server_request_duration_seconds_count, bad by its label http_response_status_code; probes are left out by their path/
  })
  t.match(chooseErrors('http-errors', series.slice(0, 1)), { kind: 'none', said: /http_requests_total has no status label/ })
  t.match(chooseErrors('grpc-errors', [{ __name__: 'grpc_server_handled_total', grpc_code: 'OK' }]), {
    kind: 'chosen',
    tellsPaths: false,
    said: /reckoned from the pod’s spec/
  })
  t.equal(chooseLatency('http', [{ __name__: 'http_request_duration_seconds_bucket', le: '1' }]), 'http_request_duration_seconds')
  t.equal(chooseLatency('grpc', [{ __name__: 'grpc_server_handling_seconds' }]), 'grpc_server_handling_seconds', 'a native one')
})

t.test('the page has the order of the metrics and of the labels as the code has it', async t => {
  const page = readFileSync('docs/canary.md', 'utf8')
  for (const list of [
    HTTP_COUNTERS,
    GRPC_COUNTERS,
    HTTP_LATENCIES,
    GRPC_LATENCIES,
    HTTP_STATUS_LABELS,
    GRPC_STATUS_LABELS,
    PATH_LABELS
  ] as const)
    t.ok(page.includes(list.map(name => `\`${name}\``).join(', ')), list.join(', '))
})

t.test('latency is judged at up to four boundaries that the old version’s past speaks for', async t => {
  const past = [
    [0.005, 0.95],
    [0.05, 0.55],
    [0.1, 0.2],
    [0.25, 0.08],
    [0.5, 0.012],
    [1, 0.002],
    [2.5, 0.0004]
  ].map(([boundary = 0, share = 0]) => ({ boundary, share }))
  t.same(chooseBoundaries(past), [0.05, 0.25, 0.5, 1])
  t.same(chooseBoundaries([{ boundary: 10, share: 0.0001 }]), [])
  t.same(
    slowShares([
      { le: '0.1', count: 90 },
      { le: '+Inf', count: 100 }
    ]).map(({ boundary, share }) => [boundary, Number(share.toFixed(6))]),
    [[0.1, 0.1]]
  )
  t.same(slowShares([{ le: '+Inf', count: 0 }]), [])
})

t.test('a native histogram counts like a classic one at the bounds that all of them have', async t => {
  const histogram = {
    labels: { pod: 'a' },
    count: 100,
    buckets: [
      { lower: 0.25, upper: 0.25 * 2 ** 0.25, count: 60 },
      { lower: 0.25 * 2 ** 0.25, upper: 0.25 * 2 ** 0.5, count: 30 },
      { lower: 0.5, upper: 1, count: 10 }
    ]
  }
  t.ok(isNativeBoundary(0.25 * 2 ** 0.25))
  t.notOk(isNativeBoundary(0.3))
  t.same(
    nativeSlowShares(histogram).map(({ share }) => Number(share.toFixed(6))),
    [0.4, 0.1, 0]
  )
  const series = nativeAsBuckets('latency', histogram, [0.25 * 2 ** 0.25, 0.5, 0.7])
  t.same(
    series.map(({ labels, value }) => [labels['le'], value]),
    [
      [String(0.25 * 2 ** 0.25), 60],
      ['0.5', 90],
      ['+Inf', 100]
    ],
    'a boundary within a bucket can’t be told'
  )
})
