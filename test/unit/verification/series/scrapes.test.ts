import t from 'tap'
import type { Counter } from '../../../../src/verification/sequential/counting/counter.ts'
import type { Scrape } from '../../../../src/verification/sequential/counting/scrape.ts'
import { at, DEPLOY } from '../sequential/scene.ts'
import { counter, guardedPod, numbersOf, soon, targetLabels, told, up, WANTED } from './numbers-scene.ts'

const OLD = guardedPod('a', 'old')
const NEW = guardedPod('b', 'new')
const BOTH = [OLD, NEW]

/** Scrapes in a form that is easy to read: seconds, restarts and values by status. */
const plain = (scrapes: readonly Scrape[], uid: string) =>
  scrapes
    .filter(({ pod }) => pod === uid)
    .toSorted((a, b) => a.at - b.at)
    .map(scrape => [
      (scrape.at - DEPLOY) / 1_000,
      Object.fromEntries(scrape.series.map(({ labels, value }) => [labels['code'] ?? labels['le'], value]))
    ])

t.test('raw counters come with the instants of their scrapes, in Astern’s clock, and by uid', async t => {
  const { source, asked } = numbersOf(
    [
      counter(OLD, '200', [
        [3, 100],
        [18, 200]
      ]),
      counter(OLD, '500', [
        [3, 1],
        [18, 2]
      ]),
      counter(NEW, '200', [[7, 4]])
    ],
    at(60),
    3_000
  )
  const scrapes = told(await source.scrapes({ ...WANTED, pods: BOTH }, soon()))
  t.same(plain(scrapes, 'a'), [
    [0, { 200: 100, 500: 1 }],
    [15, { 200: 200, 500: 2 }]
  ])
  t.same(plain(scrapes, 'b'), [[4, { 200: 4 }]])
  t.ok(
    asked.every(({ form }) => !/rate|increase|sum|delta/.test(form['query'] ?? '')),
    'nothing is extrapolated (prometheus#3886)'
  )
  t.same(source.said?.(), ['pods are told apart by the label pod'])
})

t.test('only what was scraped after the one and up to the other instant', async t => {
  const { source } = numbersOf(
    [
      counter(OLD, '200', [
        [-60, 1],
        [-45, 2],
        [60, 9],
        [75, 10]
      ])
    ],
    at(90)
  )
  t.same(plain(told(await source.scrapes({ ...WANTED, pods: BOTH }, soon())), 'a'), [
    [-45, { 200: 2 }],
    [60, { 200: 9 }]
  ])
})

t.test('a pod is found by the first label of the order that names it, and exported_pod names nobody', async t => {
  const by = async (labels: (name: string) => Readonly<Record<string, string>>) => {
    const series = {
      labels: { __name__: 'http_requests_total', code: '200', job: 'j', ...labels(OLD.name) },
      samples: [[at(3), 7]]
    } as const
    const { source } = numbersOf([series])
    const found = told(await source.scrapes({ ...WANTED, pods: [{ ...OLD, ip: '10.1.2.3' }] }, soon()))
    return [found.length, source.said?.()[0] ?? '']
  }
  t.same(await by(name => ({ namespace: 'shop', pod: name })), [1, 'pods are told apart by the label pod'])
  t.same(await by(name => ({ kubernetes_namespace: 'shop', kubernetes_pod_name: name })), [
    1,
    'pods are told apart by the label kubernetes_pod_name'
  ])
  t.same(await by(name => ({ namespace: 'shop', pod_name: name })), [1, 'pods are told apart by the label pod_name'])
  t.same(await by(name => ({ pod: name })), [1, 'pods are told apart by the label pod'], 'without a namespace')
  t.match(await by(() => ({ instance: '10.1.2.3:9090' })), [1, /by their addresses/])
  t.same(await by(name => ({ namespace: 'other', pod: name })), [0, ''])
  // A collector that is scraped for others (helm-charts#1368): its own name is in `pod`.
  t.same(await by(name => ({ namespace: 'monitoring', pod: 'collector-0', exported_namespace: 'shop', exported_pod: name })), [0, ''])
})

t.test('names are quoted: a pod’s name matches itself and nothing else', async t => {
  const odd = { ...OLD, name: 'web.api-0' }
  const { source, asked } = numbersOf([
    counter({ ...OLD, name: 'web.api-0' }, '200', [[3, 1]]),
    counter({ ...OLD, name: 'webXapi-0' }, '200', [[3, 1_000]])
  ])
  t.same(plain(told(await source.scrapes({ ...WANTED, pods: [odd] }, soon())), 'a'), [[3, { 200: 1 }]])
  t.match(asked[0]?.form['query'], String.raw`pod=~"web\\.api-0"`)
})

t.test('an address counts from the pod’s birth to its deletion, and then it is somebody else’s', async t => {
  const gone = { ...OLD, ip: '10.1.2.3', deletedAt: at(20) }
  const next = { ...NEW, ip: '10.1.2.3', bornAt: at(40), readyFrom: at(43) }
  const series = { labels: { __name__: 'http_requests_total', code: '200', instance: '10.1.2.3:8080', job: 'j' } }
  const { source } = numbersOf([
    {
      ...series,
      samples: [
        [at(3), 100],
        [at(18), 110],
        [at(33), 5_000],
        [at(41), 6_000],
        [at(48), 2]
      ]
    }
  ])
  const scrapes = told(await source.scrapes({ ...WANTED, pods: [gone, next] }, soon()))
  t.same(plain(scrapes, 'a'), [
    [3, { 200: 100 }],
    [18, { 200: 110 }]
  ])
  t.same(plain(scrapes, 'b'), [[48, { 200: 2 }]], 'and right after a birth it can’t be told whose it was')
})

t.test('a StatefulSet’s pod has its name until the next one is born with it', async t => {
  const first = { ...OLD, name: 'web-0', deletedAt: at(20) }
  const second = { ...NEW, name: 'web-0', bornAt: at(30), readyFrom: at(33) }
  const { source } = numbersOf([
    counter(first, '200', [
      [3, 100],
      [18, 120],
      [33, 1],
      [48, 9]
    ])
  ])
  const scrapes = told(await source.scrapes({ ...WANTED, pods: [first, second] }, soon()))
  t.same(plain(scrapes, 'a'), [
    [3, { 200: 100 }],
    [18, { 200: 120 }]
  ])
  t.same(plain(scrapes, 'b'), [
    [33, { 200: 1 }],
    [48, { 200: 9 }]
  ])
})

t.test('of two replicas one is read, and the other one when that falls behind', async t => {
  const replica = (name: string) => ({ prometheus_replica: name })
  const { source } = numbersOf([
    counter(
      OLD,
      '200',
      [
        [0, 10],
        [15, 20],
        [30, 30]
      ],
      replica('p-0')
    ),
    counter(
      OLD,
      '200',
      [
        [0.05, 9],
        [15.05, 19],
        [30.05, 29]
      ],
      replica('p-1')
    )
  ])
  t.same(plain(told(await source.scrapes({ ...WANTED, pods: BOTH }, soon())), 'a'), [
    [0, { 200: 10 }],
    [15, { 200: 20 }],
    [30, { 200: 30 }]
  ])
  const behind = numbersOf([
    counter(OLD, '200', [[0, 10]], replica('p-0')),
    counter(
      OLD,
      '200',
      [
        [0.05, 9],
        [15.05, 19],
        [30.05, 29]
      ],
      replica('p-1')
    )
  ])
  t.same(plain(told(await behind.source.scrapes({ ...WANTED, pods: BOTH }, soon())), 'a'), [
    [0.05, { 200: 9 }],
    [15.05, { 200: 19 }],
    [30.05, { 200: 29 }]
  ])
})

t.test('a querier that switches between replicas shows counters that fall; the second of two close scrapes is left out', async t => {
  // thanos#7623, thanos#8061: at .887 less than at .833.
  const { source } = numbersOf([
    counter(OLD, '200', [
      [-15, 3],
      [0, 10],
      [15, 20],
      [15.054, 19],
      [30, 30],
      [45, 40]
    ])
  ])
  t.same(
    plain(told(await source.scrapes({ ...WANTED, pods: BOTH }, soon())), 'a').map(([seconds]) => seconds),
    [-15, 0, 15, 30, 45]
  )
})

t.test('a scrape that succeeded and shows nothing is one: the pod had no requests yet', async t => {
  const { source } = numbersOf([
    up(NEW, [5, 20, 35]),
    counter(NEW, '200', [[35, 3]]),
    up(OLD, [3, 18]),
    up(guardedPod('c', 'new'), [7], {}, 0)
  ])
  const scrapes = told(await source.scrapes({ ...WANTED, pods: [...BOTH, guardedPod('c', 'new')] }, soon()))
  t.same(plain(scrapes, 'b'), [
    [5, {}],
    [20, {}],
    [35, { 200: 3 }]
  ])
  t.same(plain(scrapes, 'a'), [
    [3, {}],
    [18, {}]
  ])
  t.same(plain(scrapes, 'c'), [], 'but one that failed is none')
})

t.test('a sidecar’s scrapes say nothing of the container that serves', async t => {
  const { source } = numbersOf([
    up(NEW, [5, 20]),
    counter(NEW, '200', [[20, 3]]),
    up(NEW, [9, 24], { job: 'mesh', instance: '10.0.0.1:15090' })
  ])
  t.same(plain(told(await source.scrapes({ ...WANTED, pods: BOTH }, soon())), 'b'), [
    [5, {}],
    [20, { 200: 3 }]
  ])
})

t.test('nothing scraped is nothing said, and no error (argo-rollouts#1466, flagger#1689)', async t => {
  const { source } = numbersOf([])
  t.same(await source.scrapes({ ...WANTED, pods: BOTH }, soon()), { kind: 'said', value: [] })
  t.same(await source.labels(BOTH, ['http_requests_total'], soon()), { kind: 'said', value: [] })
})

t.test('a value that is no number is no sample (kayenta#585, argo-rollouts#180)', async t => {
  const { source } = numbersOf([
    counter(OLD, '200', [
      [0, 10],
      [15, Number.NaN],
      [30, 30],
      [45, Number.POSITIVE_INFINITY]
    ])
  ])
  t.same(plain(told(await source.scrapes({ ...WANTED, pods: BOTH }, soon())), 'a'), [
    [0, { 200: 10 }],
    [30, { 200: 30 }]
  ])
})

t.test('an application’s own label that is named like a target’s tells requests apart, and not targets', async t => {
  const { source } = numbersOf([
    up(OLD, [3]),
    counter(OLD, '200', [[3, 100]], { endpoint: '/orders', service: 'orders' }),
    counter(OLD, '404', [[3, 50]], { endpoint: '/carts', service: 'carts' })
  ])
  const [scrape] = told(await source.scrapes({ ...WANTED, pods: BOTH }, soon()))
  t.match(
    scrape?.series.map(({ labels }) => [labels['path'], labels['exported_service'], labels['service']]),
    [
      ['/orders', 'orders', undefined],
      ['/carts', 'carts', undefined]
    ]
  )
})

t.test('several pods behind one address are told apart by their names', async t => {
  const same = { instance: '127.0.0.1:80' }
  const { source } = numbersOf([
    up(OLD, [3], same),
    up(NEW, [3], same),
    counter(OLD, '200', [[3, 100]], same),
    counter(NEW, '200', [[3, 50]], same)
  ])
  const scrapes = told(await source.scrapes({ ...WANTED, pods: BOTH }, soon()))
  t.same([plain(scrapes, 'a'), plain(scrapes, 'b')], [[[3, { 200: 100 }]], [[3, { 200: 50 }]]])
})

const LATENCY: Counter = { kind: 'latency', metric: 'http_request_duration_seconds', boundaries: [0.25, 1, 0.00001, 1_000_000] }
const bucket = (le: string, value: number) => ({
  labels: { __name__: 'http_request_duration_seconds_bucket', le, ...targetLabels(OLD) },
  samples: [[at(3), value]] as const
})

t.test('only the buckets that are counted are read, however their boundaries are written', async t => {
  // kubernetes-mixin#1005: Prometheus 3 writes 1.0 where Prometheus 2 keeps what the client wrote.
  for (const [one, tiny, huge] of [
    ['1', '1e-05', '1e+06'],
    ['1.0', '1.0E-5', '1000000.0'],
    ['1.0', '0.00001', '1e6'],
    ['1', '1e-5', '1.0E6'],
    ['1', '0.00001', '1000000']
  ] as const) {
    const { source, asked } = numbersOf([
      bucket('0.25', 90),
      bucket(one, 95),
      bucket(tiny, 1),
      bucket(huge, 97),
      bucket('0.5', 92),
      bucket('10', 96),
      bucket('+Inf', 100)
    ])
    const scrapes = told(await source.scrapes({ ...WANTED, counters: [LATENCY], pods: [OLD] }, soon()))
    t.same(plain(scrapes, 'a'), [[3, { '0.25': 90, '1': 95, '0.00001': 1, '1000000': 97, '+Inf': 100 }]], [one, tiny, huge].join(' '))
    t.notOk(asked.some(({ form }) => /le=~"[^"]*\|0\\\\\.5\|/.test(form['query'] ?? '')))
  }
})

const NATIVE = {
  count: '100',
  sum: '20',
  buckets: [
    [0, '0.125', '0.25', '90'],
    [0, '0.5', '1', '5'],
    [0, '1', '2', '5']
  ]
}

t.test('native histograms count like classic ones, and as the count that belongs to them', async t => {
  const native = {
    labels: { __name__: 'http_request_duration_seconds', code: '200', ...targetLabels(OLD) },
    samples: [[at(3), NATIVE]]
  } as const
  const { source } = numbersOf([native])
  t.match(told(await source.labels([OLD], ['http_request_duration_seconds', 'http_request_duration_seconds_count'], soon())), [
    { __name__: 'http_request_duration_seconds' },
    { __name__: 'http_request_duration_seconds_count', code: '200' }
  ])
  const counters: readonly Counter[] = [
    { kind: 'http-errors', metric: 'http_request_duration_seconds_count', statusLabel: 'code' },
    { ...LATENCY, boundaries: [0.25, 1] }
  ]
  const [scrape] = told(await source.scrapes({ ...WANTED, counters, pods: [OLD] }, soon()))
  t.same(
    scrape?.series.map(({ labels, value }) => [labels['__name__'], labels['le'], value]),
    [
      ['http_request_duration_seconds_count', undefined, 100],
      ['http_request_duration_seconds_bucket', '0.25', 90],
      ['http_request_duration_seconds_bucket', '1', 95],
      ['http_request_duration_seconds_bucket', '+Inf', 100]
    ]
  )
  const twice = numbersOf([native, bucket('0.25', 80), bucket('1.0', 85), bucket('+Inf', 90)])
  const both = told(await twice.source.scrapes({ ...WANTED, counters: [{ ...LATENCY, boundaries: [0.25, 1] }], pods: [OLD] }, soon()))
  t.same(plain(both, 'a'), [[3, { '0.25': 80, '1': 85, '+Inf': 90 }]], 'a pod that has both is counted by its classic one')
})

t.test('how often pods are scraped is measured, and a block is at least five seconds', async t => {
  const every = (seconds: number) =>
    up(
      OLD,
      Array.from({ length: 10 }, (_, index) => seconds * index - 100)
    )
  t.equal(told(await numbersOf([every(15.002)]).source.interval(BOTH, soon())), 15)
  t.equal(told(await numbersOf([every(1)]).source.interval(BOTH, soon())), 5)
  t.match(await numbersOf([]).source.interval(BOTH, soon()), { kind: 'unsaid', because: 'ambiguous' })
  const pushed = numbersOf([
    counter(OLD, '200', [
      [-60, 1],
      [-30, 2],
      [0, 3]
    ])
  ]).source
  await pushed.labels(BOTH, ['http_requests_total'], soon())
  t.equal(told(await pushed.interval(BOTH, soon())), 30, 'pushed numbers have no `up`')
  const name = 'http_request_duration_seconds'
  const native = numbersOf([
    { labels: { __name__: name, ...targetLabels(OLD) }, samples: [-40, -20, 0].map(second => [at(second), NATIVE] as const) }
  ]).source
  await native.labels(BOTH, [name], soon())
  t.equal(told(await native.interval(BOTH, soon())), 20, 'nor are native histograms samples')
})

t.test('pods of two clusters with the same names are not mixed up', async t => {
  const { source } = numbersOf([counter(OLD, '200', [[3, 1]], { cluster: 'eu' }), counter(OLD, '200', [[4, 900]], { cluster: 'us' })])
  t.match(await source.labels(BOTH, ['http_requests_total'], soon()), { kind: 'unsaid', because: 'ambiguous', detail: /eu, us/ })
})
