import { EventEmitter, once } from 'node:events'
import t, { type Test } from 'tap'
import { type Clock, MINUTE, SECOND } from '../../../../src/base/clock.ts'
import type { GuardedPod } from '../../../../src/domain/guarded-pod.ts'
import type { PageAnswer, PodPages } from '../../../../src/domain/ports/pod-pages.ts'
import { createDirectPodPages } from '../../../../src/outgoing/direct-pod-pages.ts'
import { createPodsSource, type PodsSource } from '../../../../src/verification/pods/pods-source.ts'
import { createScrapeRing } from '../../../../src/verification/pods/scrape-ring.ts'
import type { Counter } from '../../../../src/verification/sequential/counting/counter.ts'
import { countLook, startCounting, unreadable } from '../../../../src/verification/sequential/counting/counting.ts'
import { podAt, startPod } from '../../../support/metrics-pod.ts'
import { NOON } from '../../../support/workloads.ts'

const ERRORS: Counter = { kind: 'http-errors', metric: 'http_requests_total', statusLabel: 'code' }
const soon = (): AbortSignal => AbortSignal.timeout(20_000)

/** A clock that stands until it is moved. */
class Hand implements Clock {
  #now = NOON
  readonly #woken = new EventEmitter()
  readonly #asleep = new EventEmitter()

  now(): number {
    return this.#now
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    const until = this.#now + ms
    this.#asleep.emit('asleep')
    while (this.#now < until) await once(this.#woken, 'tick', signal === undefined ? {} : { signal })
  }

  /** Moves on to the next round of readings, and waits until it has begun. */
  async tick(ms = 5 * SECOND): Promise<void> {
    const asleep = once(this.#asleep, 'asleep')
    this.#now += ms
    this.#woken.emit('tick')
    await asleep
  }
}

/** Pods as they answer: what each is to say, and when it was read. */
class Road implements PodPages {
  readonly answers = new Map<string, string | PageAnswer | Promise<PageAnswer>>()
  readonly read_: string[] = []
  readonly #events = new EventEmitter().setMaxListeners(0)
  readonly #pages: PodPages | undefined
  open = 0
  most = 0

  constructor(pages?: PodPages) {
    this.#pages = pages
  }

  async read(reading: Parameters<PodPages['read']>[0], signal: AbortSignal): Promise<PageAnswer> {
    this.open += 1
    this.most = Math.max(this.most, this.open)
    const answer = await this.#answer(reading, signal)
    this.open -= 1
    this.read_.push(reading.pod.uid)
    // Whoever reads takes the answer first.
    setImmediate(() => this.#events.emit('read'))
    return answer
  }

  async #answer(reading: Parameters<PodPages['read']>[0], signal: AbortSignal): Promise<PageAnswer> {
    if (this.#pages !== undefined) return this.#pages.read(reading, signal)
    const answer = (await this.answers.get(reading.pod.uid)) ?? ''
    if (typeof answer !== 'string') return answer
    reading.take(Buffer.from(answer))
    return { kind: 'answered', contentType: 'text/plain' }
  }

  /** Lets all go on that can go on. */
  async settle(): Promise<void> {
    for (let turns = 0; turns < 100; turns += 1) await new Promise(resolve => setImmediate(resolve))
  }

  /** Waits until so many readings were made in all. */
  async until(count: number): Promise<void> {
    while (this.read_.length < count) await once(this.#events, 'read')
    await new Promise(resolve => setImmediate(resolve))
  }
}

function site(t: Test, pages?: PodPages): { readonly clock: Hand; readonly road: Road; readonly source: PodsSource } {
  const clock = new Hand()
  const road = new Road(pages)
  const source = createPodsSource({ pages: road, clock })
  t.teardown(() => source.stop())
  return { clock, road, source }
}

const scrapes = (source: PodsSource, pods: readonly GuardedPod[], from = NOON - 1, to = NOON + 60 * MINUTE) =>
  source.scrapes({ pods, counters: [ERRORS], from, to }, soon())

t.test('real servers are read every five seconds, and told with the instant of each reading', async t => {
  let served = 0
  const { pod } = await startPod(t, 'a', (_, response) => {
    served += 10
    response.setHeader('content-type', 'text/plain').end(`# HELP x y\nhttp_requests_total{code="200"} ${served}\nother_total 5\n`)
  })
  const facts = { own: [], listening: { host: '127.0.0.1', port: 1 }, podCidrs: ['127.0.0.0/8'] }
  const { clock, road, source } = site(
    t,
    createDirectPodPages(async () => facts)
  )
  t.same(await source.interval([], soon()), { kind: 'said', value: 5 })
  t.same(await source.labels([pod], ['http_requests_total', 'nothing'], soon()), {
    kind: 'said',
    value: [{ __name__: 'http_requests_total', code: '200' }]
  })
  const page = `port ${pod.annotations['prometheus.io/port']}, /metrics`
  t.same(source.said?.(), [`the pods are read every 5 s: http, ${page}`])
  t.same(road.read_, ['a'], 'nothing is read before it is started, but what is asked for')

  source.start()
  source.start()
  await road.until(2)
  await clock.tick()
  await road.until(3)

  const series = (value: number) => [{ labels: { __name__: 'http_requests_total', code: '200' }, value }]
  t.same(await scrapes(source, [pod]), {
    kind: 'said',
    value: [
      { pod: 'a', at: NOON, restarts: 0, series: series(20) },
      { pod: 'a', at: NOON + 5 * SECOND, restarts: 0, series: series(30) }
    ]
  })
  t.match(await scrapes(source, [pod], NOON, NOON + 5 * SECOND), { value: [{ at: NOON + 5 * SECOND }] }, 'after the one, up to the other')

  await source.stop()
  t.same(await scrapes(source, [pod]), { kind: 'said', value: [] })
  await source.stop()
})

t.test('a pod that answers without a series has been read', async t => {
  const { road, source } = site(t)
  road.answers.set('a', 'other_total 1\n')
  const pods = [podAt('a', '10.0.0.1', 80)]
  source.see(pods)
  source.start()
  await road.until(1)
  t.same(await scrapes(source, pods), { kind: 'said', value: [{ pod: 'a', at: NOON, restarts: 0, series: [] }] })
})

t.test('only pods that are Ready, or were, are read; one on its way out is not', async t => {
  const { clock, road, source } = site(t)
  const { readyFrom: _, ...unready } = podAt('b', '10.0.0.2', 80)
  source.see([podAt('a', '10.0.0.1', 80), unready, podAt('c', '10.0.0.3', 80, { deletedAt: NOON })])
  source.start()
  await road.until(1)
  await clock.tick()
  await road.until(2)
  t.same(road.read_, ['a', 'a'])
})

t.test('a pod that hangs keeps no other one waiting', async t => {
  const { clock, road, source } = site(t)
  const good = Array.from({ length: 100 }, (_, index) => podAt(`good-${index}`, '10.0.0.1', 80))
  source.see(good)
  source.start()
  await road.until(100)
  t.ok(road.most <= 32, 'those that never answered are read few at a time')

  const stuck = Promise.withResolvers<PageAnswer>()
  const bad = Array.from({ length: 200 }, (_, index) => podAt(`bad-${index}`, '10.0.0.2', 80))
  for (const { uid } of bad) road.answers.set(uid, stuck.promise)
  source.see([...bad, ...good])
  await clock.tick()
  await road.settle()
  t.equal(road.read_.length, 200, 'all good ones, while all bad ones hang')
  t.ok(road.read_.slice(100).every(uid => uid.startsWith('good')))
  t.ok(road.open <= 96)
  await clock.tick()
  await road.settle()
  t.equal(road.read_.length, 300)

  stuck.resolve({ kind: 'failed', because: 'unreachable', detail: 'no whole answer' })
  await road.settle()
  t.equal(source.unread().length, 200)
})

t.test('whoever asks for the labels of some pods takes none of the others away', async t => {
  const { road, source } = site(t)
  const [a, b] = [podAt('a', '10.0.0.1', 80), podAt('b', '10.0.0.2', 80)]
  source.see([a])
  await source.labels([b], ['http_requests_total'], soon())
  source.start()
  await road.until(3)
  t.same(road.read_.toSorted(), ['a', 'b', 'b'])
})

t.test('an address that another pod has by now proves nothing', async t => {
  const { road, source } = site(t)
  const before = [podAt('a', '10.0.0.1', 80), podAt('b', '10.0.0.2', 80), podAt('c', '10.0.0.3', 80)]
  source.see(before)
  source.start()
  await road.until(3)
  const now = [podAt('a', '10.0.0.9', 80), podAt('b', '10.0.0.2', 80, { deletedAt: NOON - SECOND }), podAt('c', '10.0.0.3', 80)]
  const said = await scrapes(source, now)
  t.match(said, { kind: 'said' })
  t.same(said.kind === 'said' ? said.value.map(scrape => scrape.pod) : [], ['c'])
})

t.test('restarts are those that were known when the pod was read', async t => {
  const { clock, road, source } = site(t)
  source.see([podAt('a', '10.0.0.1', 80)])
  source.start()
  await road.until(1)
  source.see([podAt('a', '10.0.0.1', 80, { restarts: 1 })])
  await clock.tick()
  await road.until(2)
  t.match(await scrapes(source, [podAt('a', '10.0.0.1', 80, { restarts: 4 })]), { value: [{ restarts: 0 }, { restarts: 1 }] })
})

t.test('where no pod can be read, the closed reason says why', async t => {
  const failed = (because: 'forbidden' | 'too-much' | 'rejected' | 'unreachable'): PageAnswer => ({
    kind: 'failed',
    because,
    detail: `it is ${because}\u001b[2J`
  })
  for (const [answers, because] of [
    [['forbidden', 'forbidden'], 'forbidden'],
    [['too-much'], 'too-much'],
    [['rejected'], 'rejected'],
    [['rejected', 'unreachable'], 'unreachable']
  ] as const) {
    const { road, source } = site(t)
    const pods = answers.map((answer, index) => {
      road.answers.set(`p${index}`, failed(answer))
      return podAt(`p${index}`, '10.0.0.1', 80)
    })
    t.match(await source.labels(pods, ['http_requests_total'], soon()), { kind: 'unsaid', because })
    source.start()
    await road.until(pods.length * 2)
    t.match(await scrapes(source, pods), { kind: 'unsaid', because, detail: /^no pod can be read; it is [a-z-]+\\u\{1b\}\[2J$/ })
  }
  const { source } = site(t)
  t.match(await source.labels([{ ...podAt('a', '10.0.0.1', 80), annotations: {} }], [], soon()), {
    kind: 'unsaid',
    because: 'rejected',
    detail: /says nowhere/
  })
  t.same(await source.labels([], [], soon()), { kind: 'said', value: [] })
})

t.test('one pod that cannot be read leaves the others, and is named', async t => {
  const { road, source } = site(t)
  road.answers.set('a', 'http_requests_total{code="200"} 1\n')
  road.answers.set('b', '<html>')
  const pods = [podAt('a', '10.0.0.1', 80), podAt('b', '10.0.0.2', 80)]
  source.see(pods)
  source.start()
  await road.until(2)
  t.match(await scrapes(source, pods), { kind: 'said', value: [{ pod: 'a' }] })
  t.same(source.unread(), [{ pod: 'api-b', detail: 'port 80, /metrics: what it answers is no metrics' }])
})

t.test('counted by the judge’s own counting: a fall without a restart is not believed, and a new pod counts from zero', async t => {
  const { clock, road, source } = site(t)
  const settings = { from: NOON, blockSeconds: 5, counters: [ERRORS], warmUpSeconds: [0], settleSeconds: 0 }
  let state = startCounting(settings)
  const taken = async (from: number) => {
    const said = await scrapes(source, pods, from, clock.now())
    if (said.kind !== 'said') throw new Error(said.detail)
    return said.value
  }
  const pods = [
    podAt('old', '10.0.0.1', 80, { version: 'old', bornAt: NOON - MINUTE, readyFrom: NOON - MINUTE }),
    podAt('new', '10.0.0.2', 80)
  ]
  const oldShows = (count: number): Map<string, unknown> =>
    road.answers.set('old', `http_requests_total{code="200",host="a"} ${count}\nhttp_requests_total{code="500",host="b"} 1\n`)
  oldShows(100)
  source.see(pods)
  source.start()
  await road.until(2)
  // A look that is as late as the first reading takes it.
  state = countLook(settings, state, { at: NOON, pods, scrapes: await taken(NOON - 1) }).state
  const blocks: unknown[] = []
  for (const [round, { old, fresh }] of [
    { old: 100, fresh: 5 },
    { old: 110, fresh: 9 },
    { old: 120, fresh: 3 },
    { old: 130, fresh: 2 }
  ].entries()) {
    oldShows(old)
    road.answers.set('new', `http_requests_total{code="500"} ${fresh}\n`)
    await clock.tick()
    await road.until((round + 2) * 2)
    const counted = countLook(settings, state, { at: clock.now(), pods, scrapes: await taken(state.at) })
    state = counted.state
    if (counted.block !== undefined) blocks.push(counted.block.parts[0])
  }
  t.match(blocks[0], { old: { requests: 0 }, new: { requests: 5, bad: 5 } })
  t.match(blocks[1], { old: { requests: 10, bad: 0 }, new: { requests: 4, bad: 4 } })
  t.same(
    unreadable(settings, state, pods).map(pod => pod.uid),
    ['new']
  )
})

t.test('what is kept is bounded in time and in size', async t => {
  const ring = createScrapeRing({ ms: MINUTE, series: 10 })
  const add = (at: number, series: number): void =>
    ring.add({ scrape: { pod: 'a', at, restarts: 0, series: Array.from({ length: series }, () => ({ labels: {}, value: 1 })) } })
  const kept = (): readonly number[] => ring.between(0, Number.POSITIVE_INFINITY).map(({ scrape }) => scrape.at)
  add(NOON, 3)
  add(NOON + SECOND, 3)
  add(NOON + 2 * SECOND, 3)
  t.same(kept(), [NOON + SECOND, NOON + 2 * SECOND])
  add(NOON + 61.5 * SECOND, 1)
  t.same(kept(), [NOON + 2 * SECOND, NOON + 61.5 * SECOND])
  add(NOON + 62 * SECOND, 50)
  t.same(kept(), [NOON + 62 * SECOND], 'the newest stays')
})
