import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { firstScrapes } from '../../../src/deploy-guard/look-question.ts'
import { lookFor, nextLook } from '../../../src/deploy-guard/looks.ts'
import type { PreparedWatch } from '../../../src/deploy-guard/prepared-watch.ts'
import type { GuardedPod } from '../../../src/domain/guarded-pod.ts'
import type { Block } from '../../../src/verification/sequential/counting/block.ts'
import { type CountingState, countLook, startCounting } from '../../../src/verification/sequential/counting/counting.ts'
import { type PodState, UNREAD } from '../../../src/verification/sequential/counting/pod-counter.ts'
import type { Scrape } from '../../../src/verification/sequential/counting/scrape.ts'
import { prometheusNumbers } from '../../../src/verification/series/prometheus-numbers.ts'
import { type StoredSeries, seriesPrometheus } from '../../support/series-prometheus.ts'
import { at, counted, DEPLOY, scrape, total, watchOf } from '../verification/sequential/scene.ts'
import { counter, guardedPod, numbersOf, soon, up } from '../verification/series/numbers-scene.ts'

const OLD = guardedPod('a', 'old')
const NEW = guardedPod('b', 'new')
const BOTH = [OLD, NEW]

const WATCH: PreparedWatch = { settings: watchOf(), source: 'Prometheus', probes: 'by-path', intervalSeconds: 15, lagMs: 2_000, gone: [] }

/** Seconds after the deploy. */
const seconds = (instant: number): number => (instant - DEPLOY) / 1_000

/** The blocks that a worker gets which looks at all due times up to a time, and what it counted. */
async function watched(
  series: (now: number) => readonly StoredSeries[],
  until: number,
  pods: (now: number) => readonly GuardedPod[] = () => BOTH,
  begins = 0
) {
  let now = at(begins)
  const { ask } = seriesPrometheus(() => series(now))
  const source = prometheusNumbers({ ask, clockOffset: () => 0, now: () => now })
  const { counting: settings } = WATCH.settings
  let state: CountingState = startCounting(settings)
  const blocks: Block[] = []
  const looks: { readonly to: number; readonly dueAt: number }[] = []
  for (;;) {
    const next = nextLook(WATCH, state, now)
    if (next.dueAt > at(until)) break
    now = next.dueAt
    looks.push(next)
    const { look } = await lookFor({ watch: WATCH, source, counting: state, pods: pods(now), to: next.to }, soon())
    const after = countLook(settings, state, look)
    state = after.state
    if (after.block !== undefined) blocks.push(after.block)
  }
  return { blocks, state, looks }
}

t.test('looks are due at whole blocks after the deploy, and a scrape’s way later', async t => {
  const state = startCounting(WATCH.settings.counting)
  t.same(nextLook(WATCH, state, at(1)), { to: at(15), dueAt: at(17) })
  t.same(nextLook(WATCH, { ...state, at: at(15), open: { ...state.open, from: at(15) } }, at(17)), { to: at(30), dueAt: at(32) })
  t.same(
    nextLook(WATCH, { ...state, at: at(15) }, at(17)),
    { to: at(20), dueAt: at(22) },
    'a block that waits for a pod is looked at again soon'
  )
  t.same(nextLook(WATCH, state, at(400)), { to: at(15), dueAt: at(400) }, 'a watch that begins late catches up at once')
})

t.test('a block that waits for a pod is looked at again when that pod’s scrape is due, where it is known', async t => {
  const started = startCounting(WATCH.settings.counting)
  const read = (second: number, standing: PodState['standing'] = 'counting'): PodState => ({ ...UNREAD, standing, at: at(second) })
  // Given a block that began at 15 s and is over, looked at for the last time at 30 s.
  const waits = (pods: CountingState['pods']): number =>
    nextLook(WATCH, { ...started, at: at(30), open: { ...started.open, from: at(15) }, pods }, at(32)).to - at(0)
  t.equal(waits({ a: read(29), b: read(2.5) }), 35_000, 'a pod that missed its scrape comes at any time')
  t.equal(waits({ a: read(29), b: read(16.5) }), 35_000, 'and one that was read is not waited for')
  const later: CountingState = { ...started, at: at(45), open: { ...started.open, from: at(30) } }
  const next = (pods: CountingState['pods']): number => nextLook(WATCH, { ...later, at: at(45), pods }, at(47)).to - at(45)
  t.equal(next({ a: read(44) }), 5_000)
  t.equal(nextLook(WATCH, { ...later, at: at(31), open: { ...later.open, from: at(14) }, pods: { a: read(13) } }, at(33)).to, at(36))
  t.equal(
    nextLook(WATCH, { ...later, at: at(25), open: { ...later.open, from: at(14) }, pods: { a: read(12), b: read(13) } }, at(27)).to,
    at(28.1),
    'the later one of two'
  )
  t.equal(
    nextLook(WATCH, { ...later, at: at(25), open: { ...later.open, from: at(14) }, pods: { a: read(13, 'unreliable') } }, at(27)).to,
    at(30),
    'one that is believed no more is not waited for'
  )
})

t.test('old pods count from what they had at the deploy: the first look has their last scrape from before it', async t => {
  const { blocks } = await watched(
    () => [
      counter(OLD, '200', [
        [-33, 9_000],
        [-18, 9_500],
        [-3, 10_000],
        [12, 10_100],
        [27, 10_200]
      ]),
      counter(OLD, '500', [
        [-33, 7],
        [-18, 7],
        [-3, 7],
        [12, 8],
        [27, 8]
      ]),
      counter(NEW, '200', [
        [11, 40],
        [26, 90]
      ])
    ],
    40
  )
  t.same(
    blocks.map(({ parts }) => parts[0]),
    [
      { old: { requests: 101, bad: 1 }, new: { requests: 40, bad: 0 } },
      { old: { requests: 100, bad: 0 }, new: { requests: 50, bad: 0 } }
    ]
  )
  const scrapes = [
    scrape('a', -33, { requests: 1, bad: 0 }),
    scrape('a', -3, { requests: 3, bad: 0 }),
    scrape('a', -18, { requests: 2, bad: 0 }),
    scrape('a', 12, { requests: 4, bad: 0 })
  ]
  t.same(
    firstScrapes(scrapes, DEPLOY).map(one => seconds(one.at)),
    [-3, 12]
  )
})

t.test('a rollout that was over before anybody asked is watched from its own time on, block by block', async () => {
  const every = (from: number, each: number) => Array.from({ length: 21 }, (_, index) => [from + 15 * index, each * index] as const)
  const { blocks } = await watched(
    () => [counter(OLD, '200', every(-3, 100)), counter(NEW, '200', every(11, 50))],
    290,
    () => BOTH,
    289
  )
  t.same(
    blocks.map(({ to }) => seconds(to)),
    Array.from({ length: 19 }, (_, index) => 15 * (index + 1))
  )
})

t.test('a restart is attributed to the scrape that shows it, though several scrapes come with one look, and long after', async t => {
  const old = counter(
    OLD,
    '200',
    Array.from({ length: 12 }, (_, index) => [15 * index - 3, 100 * index] as const)
  )
  // 500 requests until the restart in between the scrapes at 67 s and 82 s, and 60 after it.
  const fresh = counter(NEW, '200', [
    [7, 100],
    [22, 200],
    [37, 300],
    [52, 400],
    [67, 500],
    [82, 20],
    [97, 40],
    [112, 60]
  ])
  const restarted = [OLD, { ...NEW, restarts: 1 }]
  const late = await watched(
    () => [old, fresh],
    130,
    () => restarted,
    130
  )
  t.same(total(late, 'new'), { requests: 560, bad: 0 }, 'catching up, the restart is known from the first look on')
  t.equal(late.state.pods['b']?.standing, 'counting')
  const live = await watched(
    now => [old, { ...fresh, samples: fresh.samples.filter(([time]) => time <= now) }],
    130,
    now => (now > at(75) ? restarted : BOTH)
  )
  t.same(total(live, 'new'), { requests: 560, bad: 0 })
  const early = await watched(
    now => [old, { ...fresh, samples: fresh.samples.filter(([time]) => time <= now) }],
    130,
    now => (now > at(30) ? restarted : BOTH)
  )
  t.same(total(early, 'new'), { requests: 560, bad: 0 }, 'told of long before a scrape shows it')
  const unexplained = await watched(() => [old, fresh], 130)
  t.equal(unexplained.state.pods['b']?.standing, 'unreliable', 'and without a restart, a fall stays unexplained')
})

t.test('an old pod’s restart of after the deploy is known by when its container ended', async t => {
  const restarted = { ...OLD, restarts: 4, containers: [{ name: 'api', restarts: 4, ended: { at: at(20), reason: 'Error' } }] }
  const old = counter(OLD, '200', [
    [-3, 1_000],
    [12, 1_100],
    [27, 30],
    [42, 130],
    [57, 230]
  ])
  const { state, ...rest } = await watched(
    () => [
      old,
      counter(NEW, '200', [
        [7, 0],
        [22, 5],
        [37, 9],
        [52, 12]
      ])
    ],
    62,
    () => [restarted, NEW]
  )
  t.same(total({ state, ...rest }, 'old'), { requests: 330, bad: 0 })
})

t.test('a pod that has no requests yet is read all the same: its first ones count, and it bars nothing', async t => {
  const { state, blocks } = await watched(
    () => [
      counter(OLD, '200', [
        [-3, 0],
        [12, 10],
        [27, 20],
        [42, 30],
        [57, 40],
        [72, 50]
      ]),
      up(NEW, [7, 22, 37, 52, 67]),
      counter(NEW, '500', [[67, 3]])
    ],
    90
  )
  t.equal(state.pods['b']?.standing, 'counting')
  t.same(total({ blocks, state }, 'new'), { requests: 3, bad: 3 })
})

t.test('a pod’s numbers end with it: what is stale is not scraped', async t => {
  const gone = { ...OLD, deletedAt: at(20) }
  const { state, blocks } = await watched(
    () => [
      counter(OLD, '200', [
        [-3, 0],
        [12, 10]
      ]),
      counter(NEW, '200', [
        [7, 5],
        [22, 9],
        [37, 12]
      ])
    ],
    60,
    () => [gone, NEW]
  )
  t.same(total({ blocks, state }, 'old'), { requests: 10, bad: 0 })
})

t.test('a source that does not answer gives a look without scrapes, and the reason', async t => {
  const { source } = numbersOf([counter(OLD, '200', [[3, 1]])])
  await source.labels(BOTH, ['http_requests_total'], soon())
  const away = { ...source, scrapes: async () => ({ kind: 'unsaid', because: 'unreachable', detail: 'gone' }) as const }
  const counting = startCounting(WATCH.settings.counting)
  t.match(await lookFor({ watch: WATCH, source: away, counting, pods: BOTH, to: at(15) }, soon()), {
    look: { at: at(15), scrapes: [], pods: [{ uid: 'a' }, { uid: 'b' }] },
    unsaid: { because: 'unreachable', detail: 'gone' }
  })
})

t.test('probes that no label tells are reckoned from the specs, and the scrapes with them', async t => {
  const { source } = numbersOf([])
  const pods = [{ ...NEW, probes: [{ path: '/', periodSeconds: 10 }, { periodSeconds: 5 }] }]
  const counting = startCounting(WATCH.settings.counting)
  const of = async (probes: PreparedWatch['probes']) =>
    (await lookFor({ watch: { ...WATCH, probes }, source, counting, pods, to: at(15) }, soon())).look.pods[0]?.probesPerSecond
  t.equal(await of('by-path'), undefined)
  t.ok(Math.abs(((await of('by-spec')) ?? 0) - (0.1 + 0.2 + 1 / 15)) < 1e-9)
})

/** One scrape as it happens: requests since the last one, bad ones among them, and how it gets to Prometheus. */
const happening = fc.record({
  requests: fc.nat(50),
  bad: fc.nat(5),
  lost: fc.boolean(),
  lateBy: fc.constantFrom(0, 0, 0, 1_500, 9_000, 31_000),
  jitter: fc.integer({ min: -900, max: 900 })
})

const usual = { requests: 0, bad: 0, lost: false, lateBy: 0, jitter: 0 }
type Happenings = ReturnType<typeof happenings>
const happenings = (own: Readonly<Record<number, Partial<typeof usual>>>) =>
  Array.from({ length: 14 }, (_, index) => ({ ...usual, ...own[index] }))

/** The old pod misses two scrapes. One look asks from the very instant of its last one on, of which the other replica has a copy 40 ms later. */
const COPY_AT_THE_EDGE: [Happenings, Happenings] = [
  happenings({ 7: { lost: true }, 8: { lost: true } }),
  happenings({ 6: { jitter: -100 }, 7: { jitter: 1 } })
]

const counts = ({ from, to, parts }: Block) => ({ from, to, parts })

t.test('late, missed and doubled scrapes: the whole road counts what the judge counts of the same scrapes, block by block', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(happening, { minLength: 14, maxLength: 14 }),
      fc.array(happening, { minLength: 14, maxLength: 14 }),
      async (old, fresh) => {
        const scraped = [...scrapesOf('a', -4, old), ...scrapesOf('b', 6, fresh)].filter(({ lost }) => !lost)
        const store = (now: number): readonly StoredSeries[] =>
          ['p-0', 'p-1'].flatMap(replica =>
            BOTH.flatMap(pod =>
              (['200', '500'] as const).map(code => {
                const own = counter(pod, code, [], { prometheus_replica: replica })
                const arrived = scraped.filter(one => one.scrape.pod === pod.uid && one.arrives <= now)
                return {
                  ...own,
                  samples: arrived.map(
                    one =>
                      [
                        one.scrape.at + (replica === 'p-0' ? 0 : 40),
                        one.scrape.series.find(({ labels }) => labels['code'] === code)?.value ?? 0
                      ] as const
                  )
                }
              })
            )
          )
        const { blocks, state, looks } = await watched(store, 200)
        const own = counted(
          looks.map(({ to, dueAt }) => ({
            at: to,
            pods: BOTH.map(({ uid, name, version, bornAt, readyFrom }) => ({
              uid,
              name,
              version,
              bornAt,
              ...(readyFrom === undefined ? {} : { readyFrom })
            })),
            scrapes: scraped.filter(one => one.arrives <= dueAt && one.scrape.at <= to).map(one => one.scrape)
          })),
          WATCH.settings.counting
        )
        // Thrown, and not told to the test: so fast-check shrinks it, and prints its seed.
        assert.deepEqual(blocks.map(counts), own.blocks.map(counts))
        assert.deepEqual(total({ blocks, state }, 'new'), total(own, 'new'))
      }
    ),
    { numRuns: 40, examples: [COPY_AT_THE_EDGE] }
  )
})

t.test('containers that restart at any time: nothing is counted twice, and nothing that was scraped is lost', async () => {
  const lives = fc.array(fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 4 })
  await fc.assert(
    fc.asyncProperty(lives, async containers => {
      const old = counter(
        OLD,
        '200',
        Array.from({ length: 30 }, (_, index) => [15 * index - 4, 10 * index] as const)
      )
      // Each life of the container begins with nothing, a second after the last scrape of the one before.
      const scraped = containers.flatMap(life => life.map((_, index) => life.slice(0, index + 1).reduce((all, more) => all + more, 0)))
      const samples = scraped.map((value, index) => [11 + 15 * index, value] as const)
      const births = containers.slice(1).map((_, index) => 12 + 15 * (containers.slice(0, index + 1).flat().length - 1))
      const fresh = counter(NEW, '200', samples)
      const until = 11 + 15 * samples.length + 10
      const arrived = (now: number): readonly StoredSeries[] => [old, { ...fresh, samples: fresh.samples.filter(([when]) => when <= now) }]
      const pods = (now: number): readonly GuardedPod[] => {
        const ended = births.filter(birth => at(birth) <= now)
        const last = ended.at(-1)
        const container = {
          name: 'api',
          restarts: ended.length,
          ...(last === undefined ? {} : { ended: { at: at(last), reason: 'Error' } })
        }
        return [OLD, { ...NEW, restarts: ended.length, containers: [container] }]
      }
      // What a container did after it grew beyond what the last one had can't be told from that one's going on.
      const told = scraped.reduce((all, value, index) => {
        const before = scraped[index - 1] ?? 0
        return all + (value < before ? value : value - before)
      }, 0)
      for (const begins of [0, until]) {
        const { blocks, state } = await watched(arrived, until, pods, begins)
        if (total({ blocks, state }, 'new').requests !== told) return false
      }
      return true
    }),
    { numRuns: 60 }
  )
})

function scrapesOf(
  uid: string,
  first: number,
  happenings: readonly {
    readonly requests: number
    readonly bad: number
    readonly lost: boolean
    readonly lateBy: number
    readonly jitter: number
  }[]
): readonly { readonly scrape: Scrape; readonly arrives: number; readonly lost: boolean }[] {
  let [requests, bad] = [100, 1]
  return happenings.map((one, index) => {
    requests += one.requests + one.bad
    bad += one.bad
    const when = first + 15 * index + one.jitter / 1_000
    // The first two of each always come: a pod without them is another story.
    return { scrape: scrape(uid, when, { requests, bad }), arrives: at(when) + 100 + one.lateBy, lost: one.lost && index > 1 }
  })
}
