import { RE2JS } from 're2js'
import t from 'tap'
import type { TargetKind } from '../../../../src/domain/objects.ts'
import type { Counter } from '../../../../src/verification/sequential/counting/counter.ts'
import type { NumberSource, PastNumbers } from '../../../../src/verification/sequential/counting/number-source.ts'
import { namesOfAllPods } from '../../../../src/verification/series/past-names.ts'
import type { StoredSeries } from '../../../support/series-prometheus.ts'
import { at, ERRORS } from '../sequential/scene.ts'
import { counter, guardedPod, numbersOf, soon, targetLabels, told } from './numbers-scene.ts'

t.test('pods of before are found by the names that their kind gives, and never those of a workload that is named alike', async t => {
  const fits = (kind: TargetKind, name: string, pod: string) =>
    RE2JS.compile(namesOfAllPods({ kind, namespace: 'shop', name })).matches(pod)
  t.ok(fits('Deployment', 'api', 'api-5d8c7b9f6d-x2x4z'))
  t.ok(fits('Deployment', 'api', 'api-7f6c5d8b9-x2x4z'))
  t.ok(fits('StatefulSet', 'web', 'web-12'))
  t.ok(fits('DaemonSet', 'agent', 'agent-x2x4z'))
  for (const [kind, name, pod] of [
    ['Deployment', 'api', 'api-gateway-5d8c7b9f6d-x2x4z'],
    ['Deployment', 'api', 'api-v2-x2x4z'],
    ['Deployment', 'api', 'api-0'],
    ['Deployment', 'api', 'my-api-5d8c7b9f6d-x2x4z'],
    ['Deployment', 'a.i', 'api-5d8c7b9f6d-x2x4z'],
    ['StatefulSet', 'web', 'web-cache-0'],
    ['StatefulSet', 'web', 'web-5d8c7b9f6d-x2x4z'],
    ['DaemonSet', 'agent', 'agent-log-x2x4z'],
    ['DaemonSet', 'agent', 'agent-5d8c7b9f6d-x2x4z']
  ] as const)
    t.notOk(fits(kind, name, pod), `${kind} ${name}: ${pod}`)
  const long = 'a-name-that-is-so-long-that-its-pods-lose-some-of-it'
  t.ok(fits('Deployment', long, `${`${long}-5d8c7b9f6d-`.slice(0, 58)}x2x4z`))
  t.ok(fits('Deployment', 'x'.repeat(60), `${'x'.repeat(58)}x2x4z`))
  t.notOk(fits('Deployment', long, `${long}-v2-x2x4z`))
})

const OLD = guardedPod('a', 'old')
const OTHER = guardedPod('c', 'old')
const TARGET = { kind: 'Deployment', namespace: 'shop', name: 'api' } as const

/** A counter that rises by so much every 15 s over the half hour before the deploy. */
const steady = (pod: typeof OLD, code: string, each: number, from = -1_800): StoredSeries =>
  counter(
    pod,
    code,
    Array.from({ length: Math.floor(-from / 15) + 1 }, (_, index) => [from + 15 * index, 1_000 + each * index])
  )

async function pastOf(
  series: readonly StoredSeries[],
  now = at(0)
): Promise<{ readonly past: PastNumbers; readonly source: NumberSource }> {
  const { source } = numbersOf(series, now)
  await source.labels([OLD], ['http_requests_total', 'http_request_duration_seconds_bucket', 'http_request_duration_seconds'], soon())
  if (source.past === undefined) throw new Error('no past')
  return { past: source.past, source }
}

const question = { target: TARGET, pods: [OLD], from: at(-1_800), to: at(0) }

t.test('the past is counted pod by pod, in stretches, from raw counters', async t => {
  const { past } = await pastOf([
    steady(OLD, '200', 30),
    steady(OLD, '500', 1),
    steady(OTHER, '200', 60),
    {
      ...steady(OLD, '200', 9_000),
      labels: { ...targetLabels(OLD), __name__: 'http_requests_total', code: '200', pod: 'api-gateway-5d8c7b9f6d-x2x4z' }
    }
  ])
  const { seconds, rows } = told(await past.tallies({ ...question, counters: [ERRORS], stepSeconds: 15 }, soon()))
  t.equal(seconds, 15)
  t.equal(rows.length, 120)
  t.same(rows[0], [[{ requests: 31, bad: 1 }], [{ requests: 60, bad: 0 }]])
  t.same(rows[119], [[{ requests: 31, bad: 1 }], [{ requests: 60, bad: 0 }]])
})

t.test('a reset counts from zero, and the first error of a pod counts as well', async t => {
  const { past } = await pastOf([
    counter(OLD, '200', [
      [-60, 500],
      [-45, 520],
      [-30, 7],
      [-15, 17],
      [0, 27]
    ]),
    counter(OLD, '500', [
      [-15, 2],
      [0, 3]
    ])
  ])
  const { rows } = told(await past.tallies({ ...question, from: at(-60), counters: [ERRORS], stepSeconds: 15 }, soon()))
  t.same(
    rows.map(([pod]) => pod?.[0]),
    [
      { requests: 20, bad: 0 },
      { requests: 7, bad: 0 },
      { requests: 12, bad: 2 },
      { requests: 11, bad: 1 }
    ]
  )
})

t.test('of two replicas one is counted, for sums over both make each error two', async t => {
  const behind = (replica: string, by: number): StoredSeries => {
    const series = steady(OLD, '200', 30)
    return {
      labels: { ...series.labels, prometheus_replica: replica },
      samples: series.samples.map(([when, value]) => [when, Number(value) - by] as const)
    }
  }
  const { past } = await pastOf([behind('p-0', 0), behind('p-1', 4)])
  const { rows } = told(await past.tallies({ ...question, counters: [ERRORS], stepSeconds: 15 }, soon()))
  t.same(rows[5], [[{ requests: 30, bad: 0 }]])
})

t.test('a past that is not there has no rows, and one that begins later has as many as it covers', async t => {
  const { past } = await pastOf([steady(OLD, '200', 30, -300)])
  t.equal(told(await past.tallies({ ...question, counters: [ERRORS], stepSeconds: 15 }, soon())).rows.length, 20)
  const day = 86_400_000
  t.same(
    told(await past.tallies({ ...question, from: at(-1_800) - day, to: at(0) - day, counters: [ERRORS], stepSeconds: 60 }, soon())).rows,
    []
  )
})

const bucket = (le: string, first: number, last: number): StoredSeries => ({
  labels: { __name__: 'http_request_duration_seconds_bucket', le, ...targetLabels(OLD) },
  samples: [
    [at(-1_800), first],
    [at(0), last]
  ]
})

t.test('the shares of slow requests are those of the half hour, and not of the pod’s life', async t => {
  const { past } = await pastOf([bucket('0.1', 10_000, 10_050), bucket('1.0', 10_000, 10_099), bucket('+Inf', 10_000, 10_100)])
  const shares = told(await past.slowShares({ ...question, metric: 'http_request_duration_seconds' }, soon()))
  t.same(
    shares.map(({ boundary, share }) => [boundary, Number(share.toFixed(6))]),
    [
      [0.1, 0.5],
      [1, 0.01]
    ]
  )
})

t.test('the past of a latency counts what was slower than a boundary, classic and native', async t => {
  const counters: readonly Counter[] = [{ kind: 'latency', metric: 'http_request_duration_seconds', boundaries: [0.5] }]
  const rising = (le: string, each: number): StoredSeries => ({
    labels: { __name__: 'http_request_duration_seconds_bucket', le, ...targetLabels(OLD) },
    samples: Array.from({ length: 5 }, (_, index) => [at(-60 + 15 * index), each * index])
  })
  const classic = await pastOf([rising('0.5', 90), rising('+Inf', 100)])
  t.same(
    told(await classic.past.tallies({ ...question, from: at(-60), counters, stepSeconds: 15 }, soon())).rows,
    Array.from({ length: 4 }, () => [[{ requests: 100, bad: 10 }]])
  )
  const histogram = (index: number) => ({
    count: String(100 * index),
    sum: '1',
    buckets: [
      [0, '0.25', '0.5', String(90 * index)],
      [0, '0.5', '1', String(10 * index)]
    ]
  })
  const native = await pastOf([
    {
      labels: { __name__: 'http_request_duration_seconds', ...targetLabels(OLD) },
      samples: Array.from({ length: 5 }, (_, index) => [at(-60 + 15 * index), histogram(index)])
    }
  ])
  t.same(
    told(await native.past.tallies({ ...question, from: at(-60), counters, stepSeconds: 15 }, soon())).rows,
    Array.from({ length: 4 }, () => [[{ requests: 100, bad: 10 }]])
  )
  t.same(
    told(await native.past.slowShares({ ...question, from: at(-60), metric: 'http_request_duration_seconds' }, soon())).map(
      ({ boundary, share }) => [boundary, Number(share.toFixed(6))]
    ),
    [
      [0.5, 0.1],
      [1, 0]
    ]
  )
})

t.test('by addresses, the past is that of the pods that are there, from their births on', async t => {
  const pod = { ...OLD, ip: '10.1.2.3', bornAt: at(-40), readyFrom: at(-38) }
  const series = { labels: { __name__: 'http_requests_total', code: '200', instance: '10.1.2.3:8080', job: 'j' } }
  const { source } = numbersOf(
    [
      {
        ...series,
        samples: [
          [at(-60), 9_000],
          [at(-45), 9_900],
          [at(-30), 5],
          [at(-15), 15],
          [at(0), 25]
        ]
      }
    ],
    at(0)
  )
  await source.labels([pod], ['http_requests_total'], soon())
  const rows = told(
    (await source.past?.tallies({ ...question, pods: [pod], from: at(-60), counters: [ERRORS], stepSeconds: 15 }, soon())) ?? {
      kind: 'unsaid',
      because: 'rejected',
      detail: ''
    }
  ).rows
  t.same(
    rows.map(([one]) => one?.[0]?.requests),
    [10, 10]
  )
})
