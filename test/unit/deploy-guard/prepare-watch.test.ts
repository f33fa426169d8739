import t from 'tap'
import type { NumberSource, Said } from '../../../src/verification/sequential/counting/number-source.ts'
import type { StoredSeries } from '../../support/series-prometheus.ts'
import { at, DEPLOY } from '../verification/sequential/scene.ts'
import { guardedPod, numbersOf, targetLabels } from '../verification/series/numbers-scene.ts'
import { BOTH, NEW, OLD, OPTIONS, PAST, prepared, ready, requests, rising, VERSION } from './watch-scene.ts'

t.test('a watch is prepared from what the old pods did: counter, block, dispersion, and what it takes to prove a regression', async t => {
  const { watch } = await ready(prepared(PAST))
  t.match(watch, {
    source: 'Prometheus',
    probes: 'by-path',
    intervalSeconds: 15,
    settings: {
      baseline: 'concurrent',
      soakSeconds: 300,
      deadlineSeconds: 600,
      badBlocks: 2,
      counting: { from: DEPLOY, blockSeconds: 15, counters: [{ kind: 'http-errors', metric: 'http_requests_total', statusLabel: 'code' }] }
    }
  })
  t.same(watch.settings.said, [
    'numbers: Prometheus; pods are told apart by the label pod',
    'errors: http_requests_total, bad by its label code; probes are left out by their path',
    'errors: at this traffic ×5 (5 %) takes about 3 min to prove'
  ])
})

const histogram = (le: string, each: number): StoredSeries =>
  rising(OLD, { __name__: 'http_request_duration_seconds_bucket', le }, { each })
const HISTOGRAM = [histogram('0.1', 50), histogram('0.25', 90), histogram('1.0', 99), histogram('10', 100), histogram('+Inf', 100)]

t.test('latency is judged at boundaries that the old version’s half hour chooses, and each has its own name', async t => {
  const { watch } = await ready(prepared([...PAST, ...HISTOGRAM]))
  t.match(watch.settings.counting.counters[1], { kind: 'latency', metric: 'http_request_duration_seconds', boundaries: [0.1, 0.25, 1] })
  t.same(
    watch.settings.parts.map(({ metric, name }) => [metric, name]),
    [
      ['errors', 'errors'],
      ['latency', 'slower than 0.1 s'],
      ['latency', 'slower than 0.25 s'],
      ['latency', 'slower than 1 s']
    ]
  )
  t.same(watch.settings.counting.warmUpSeconds, [0, 75, 75, 75])
  t.ok(
    watch.settings.said.includes(
      'latency: http_request_duration_seconds, slower than 0.1, 0.25, 1, chosen by the last 30 minutes before the deploy'
    )
  )
})

t.test(
  'without a past, boundaries are chosen by what the old pods counted since they started, and more bad blocks are asked for',
  async t => {
    const whole = numbersOf([...PAST, ...HISTOGRAM], at(5)).source
    const { past: _past, ...withoutPast } = whole
    const { watch } = await ready(prepared([], { sources: [withoutPast] }))
    t.same(
      watch.settings.counting.counters.flatMap(counter => (counter.kind === 'latency' ? counter.boundaries : [])),
      [0.1, 0.25, 1]
    )
    t.equal(watch.settings.badBlocks, 4)
    t.match(watch.settings.said.join('\n'), /chosen by what the old pods counted since they started/)
    t.match(watch.settings.said.join('\n'), /how the errors usually come is not known/)
  }
)

t.test('a source without a past borrows that of another that has the same pods', async t => {
  const whole = numbersOf(PAST, at(5)).source
  const { past: _past, ...direct } = numbersOf(PAST, at(5)).source
  const { watch } = await ready(prepared([], { sources: [{ ...direct, name: 'the pods themselves' }, whole] }))
  t.equal(watch.source, 'the pods themselves')
  t.equal(watch.settings.badBlocks, 2, 'and how errors come is known')
})

t.test('metrics by name: what is named and not there is an error that says what was looked for', async t => {
  const named = (...metrics: readonly string[]) => prepared(PAST, { options: { ...OPTIONS, metrics } })
  t.match(await named('http-error-ratio'), { kind: 'ready' })
  t.match(await named('http-latency'), {
    kind: 'cannot',
    because: 'metric-not-there',
    detail: /^http-latency: Prometheus: .*http_request_duration_seconds/
  })
  t.match(await named('grpc-error-ratio'), { kind: 'cannot', because: 'metric-not-there', detail: /grpc_server_handled_total/ })
  t.match(await named('rate(x[5m])'), {
    kind: 'cannot',
    because: 'unknown-metric',
    remedy: /http-error-ratio, http-latency, grpc-error-ratio, grpc-latency/
  })
})

t.test('HTTP comes before gRPC, unless HTTP has nothing but probes', async t => {
  const grpc = rising(OLD, { __name__: 'grpc_server_handled_total', grpc_code: 'OK', grpc_service: 'shop.Orders' }, { each: 100 })
  const probes = rising(OLD, { ...requests('200'), path: '/healthz' }, { each: 1 })
  const kinds = async (series: readonly StoredSeries[], metrics: readonly string[] = []) =>
    (await ready(prepared(series, { options: { ...OPTIONS, metrics } }))).watch.settings.parts.map(({ name }) => name)
  const counters = async (series: readonly StoredSeries[]) =>
    (await ready(prepared(series))).watch.settings.counting.counters.map(({ kind }) => kind)
  t.same(await counters([...PAST, grpc]), ['http-errors'])
  t.same(await counters([probes, grpc]), ['grpc-errors'])
  t.same(await counters([probes]), ['http-errors'], 'probes alone: the verdict will be that there was no traffic')
  t.same(await kinds([...PAST, grpc], ['http-error-ratio', 'grpc-error-ratio']), ['HTTP errors', 'gRPC errors'])
})

t.test('nothing there yet is waited for, and what can’t be counted is said at once', async t => {
  t.match(await prepared([]), { kind: 'not-yet', awaits: 'a first series of any pod in Prometheus' })
  t.match(await prepared([], { pods: [] }), { kind: 'not-yet', awaits: 'pods of the workload' })
  const mute = { labels: { __name__: 'http_requests_total', method: 'GET', ...targetLabels(OLD) }, samples: [[at(0), 1]] } as const
  t.match(await prepared([mute]), { kind: 'cannot', because: 'nothing-countable', detail: /http_requests_total has no status label/ })
  t.match(await prepared(PAST, { sources: [] }), { kind: 'cannot', because: 'source-refused' })
})

t.test('the old pods are asked, else the new; and then it is said that there is nothing to compare with', async t => {
  const fresh = rising(NEW, requests('200'), { each: 5, from: 0 })
  const { watch } = await ready(prepared([fresh]))
  t.match(watch.settings.said.join('\n'), /the old version’s pods have no such series/)
  t.match((await ready(prepared([fresh], { pods: [NEW] }))).watch.settings.said.join('\n'), /has no pods any more/)
})

const refusing = (because: Extract<Said<never>, { kind: 'unsaid' }>['because']): NumberSource => {
  const answer = async () => ({ kind: 'unsaid', because, detail: 'x' }) as const
  return { name: 'the pods themselves', labels: answer, interval: answer, scrapes: answer }
}

t.test('a source that does not answer is passed over and named; one that is away alone is waited for', async t => {
  const { watch } = await ready(prepared([], { sources: [refusing('forbidden'), numbersOf(PAST, at(5)).source] }))
  t.equal(watch.source, 'Prometheus')
  t.match(watch.settings.said.join('\n'), /the pods themselves: it does not let Astern ask \(x\)/)
  t.match(await prepared([], { sources: [refusing('unreachable')] }), {
    kind: 'not-yet',
    awaits: /the pods themselves: it could not be reached/
  })
  t.match(await prepared([], { sources: [refusing('forbidden')] }), { kind: 'cannot', because: 'source-refused' })
})

t.test('a first deploy is judged by an objective, or not at all', async t => {
  const { replaces: _replaces, ...first } = VERSION
  const fresh = rising(NEW, requests('200'), { each: 5, from: 0 })
  t.match(await prepared([fresh], { version: first, pods: [NEW] }), { kind: 'cannot', because: 'no-old-version', remedy: /--objective/ })
  const { watch } = await ready(prepared([fresh, ...HISTOGRAM], { version: first, pods: [NEW], options: { ...OPTIONS, objective: 0.01 } }))
  t.match(watch.settings, { baseline: 'objective', objectiveBefore: 'first-deploy' })
  t.equal(watch.settings.parts.length, 1, 'an objective is about errors')
  t.ok(watch.settings.said.includes('first deploy: judged by the objective'))
  t.match(await prepared(PAST, { options: { ...OPTIONS, baseline: 'objective' } }), { kind: 'cannot', because: 'no-objective' })
})

t.test('an objective that the old version missed before the deploy fails nothing', async t => {
  const before = async (objective: number) =>
    (await ready(prepared(PAST, { options: { ...OPTIONS, baseline: 'objective', objective } }))).watch.settings.objectiveBefore
  t.equal(await before(0.02), 'met')
  t.equal(await before(0.005), 'missed')
})

t.test('before: without yesterday and last week nothing can fail; with them the worst counts', async t => {
  const options = { ...OPTIONS, baseline: 'before' } as const
  const worse = async (series: readonly StoredSeries[]) =>
    (await ready(prepared(series, { options }))).watch.settings.parts[0]?.comparisons[0]?.worse
  t.equal(await worse(PAST), undefined)
  const yesterday = guardedPod('c', 'old')
  const day = (days: number, bad: number) => [
    rising(yesterday, requests('200'), { each: 100 - bad, from: -86_400 * days - 1_800, to: -86_400 * days + 1_800 }),
    rising(yesterday, requests('500'), { each: bad, from: -86_400 * days - 1_800, to: -86_400 * days + 1_800 })
  ]
  const limit = await worse([...PAST, ...day(1, 4), ...day(7, 2)])
  t.ok(limit?.kind === 'absolute' && limit.share > 0.06 && limit.share < 0.075, JSON.stringify(limit))
})

t.test('probes are told by the pods’ own specs where no label has the path', async t => {
  const plain = (code: string, each: number) => rising(OLD, { __name__: 'http_requests_total', code }, { each })
  const probed = BOTH.map(pod => ({
    ...pod,
    probes: [
      { path: '/alive?full=1', periodSeconds: 5 },
      { path: '/', periodSeconds: 10 }
    ]
  }))
  t.equal((await ready(prepared([plain('200', 99), plain('500', 1)], { pods: probed }))).watch.probes, 'by-spec')
  const { watch } = await ready(prepared(PAST, { pods: probed }))
  t.match(watch, { probes: 'by-path', settings: { counting: { counters: [{ probePaths: ['/alive'] }] } } })
})

t.test('numbers that make no sense together are refused', async t => {
  t.match(await prepared(PAST, { options: { ...OPTIONS, soak: 900_000 } }), {
    kind: 'cannot',
    because: 'bad-numbers',
    detail: /longer than the deadline/
  })
})
