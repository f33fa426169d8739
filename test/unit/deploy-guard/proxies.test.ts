import t from 'tap'
import { lookFor, nextLook } from '../../../src/deploy-guard/looks.ts'
import { NOTHING_YET } from '../../../src/deploy-guard/memory.ts'
import { prepareWatch } from '../../../src/deploy-guard/prepare-watch.ts'
import type { PreparedAnswer } from '../../../src/deploy-guard/prepared-watch.ts'
import { servedIn } from '../../../src/deploy-guard/served.ts'
import type { WatchQuestion } from '../../../src/deploy-guard/watch-question.ts'
import type { GuardedPod } from '../../../src/domain/guarded-pod.ts'
import { USUAL_GUARD_METRICS } from '../../../src/policies/guard-metrics.ts'
import { startWatch, type WatchState, watchLook } from '../../../src/verification/sequential/judge.ts'
import { standingOf } from '../../../src/verification/sequential/standing.ts'
import { proxyNumbers } from '../../../src/verification/series/proxy-numbers.ts'
import { deployGuardOf } from '../../support/deploy-guards.ts'
import { openGuardedRollout, V1, V2 } from '../../support/guarded-rollout.ts'
import { type StoredSeries, seriesPrometheus } from '../../support/series-prometheus.ts'
import { workloadOf } from '../../support/workloads.ts'
import { at, DEPLOY } from '../verification/sequential/scene.ts'
import { guardedPod, soon } from '../verification/series/numbers-scene.ts'
import { OPTIONS, VERSION } from './watch-scene.ts'

/** What nobody asks here. */
const UNASKED = {
  read: async () => ({ kind: 'unreachable', detail: '' }) as const,
  owners: async () => [],
  clockOffset: () => 0
}

const HOUR = 3_600
const DAY = 24 * HOUR

/** Hours that a comparison with before asks for, and the watch itself: seconds from the deploy. */
const SPANS = [
  [-7 * DAY - HOUR, -7 * DAY + HOUR],
  [-DAY - HOUR, -DAY + HOUR],
  [-HOUR, HOUR]
] as const

interface Ingress {
  readonly pod?: string
  readonly job?: string
  readonly host?: string
  /** The share of bad requests after so many seconds. */
  readonly share?: (second: number) => number
  /** From this second on the counters have begun again. */
  readonly fallsAt?: number
}

/** The counters of one controller, 1,500 requests each 15 s. */
function ingress({
  pod = 'nginx-1',
  job = 'nginx',
  host = 'shop.example',
  share = () => 0,
  fallsAt
}: Ingress = {}): readonly StoredSeries[] {
  const good: [number, number][] = []
  const bad: [number, number][] = []
  let [goods, bads] = [0, 0]
  for (const [from, to] of SPANS)
    for (let second = from; second < to; second += 15) {
      if (second === fallsAt) [goods, bads] = [0, 0]
      bads += Math.round(1_500 * share(second))
      goods += 1_500 - Math.round(1_500 * share(second))
      good.push([at(second), goods])
      bad.push([at(second), bads])
    }
  const labels = {
    __name__: 'nginx_ingress_controller_requests',
    job,
    instance: `10.1.0.${pod.length}:10254`,
    pod,
    namespace: 'ingress-nginx',
    exported_namespace: 'shop',
    ingress: 'api',
    host
  }
  return [
    { labels: { ...labels, status: '200' }, samples: good },
    { labels: { ...labels, status: '503' }, samples: bad }
  ]
}

/** The old pod goes at its second, the new one serves from 10 s on. */
const podsUntil = (gone: number): readonly GuardedPod[] => [
  guardedPod('a', 'old', { deletedAt: at(gone) }),
  guardedPod('b', 'new', { bornAt: at(2), readyFrom: at(10) })
]

const BEFORE = { ...OPTIONS, baseline: 'before', metrics: ['ingress-nginx'] } as const

function question(series: readonly StoredSeries[], more: Partial<WatchQuestion> = {}): WatchQuestion {
  const { ask } = seriesPrometheus(() => series)
  return {
    target: { kind: 'Deployment', namespace: 'shop', name: 'api' },
    version: VERSION,
    options: BEFORE,
    pods: podsUntil(20),
    sources: [],
    proxies: proxyNumbers({ ask, clockOffset: () => 0, now: () => at(5) }),
    asked: USUAL_GUARD_METRICS,
    learned: {},
    now: at(5),
    ...more
  }
}

/** Watches to the end, and tells what was seen. */
async function watched(series: readonly StoredSeries[], more: Partial<WatchQuestion> = {}) {
  const asked = question(series, more)
  const answer: PreparedAnswer = await prepareWatch(asked, soon())
  if (answer.kind !== 'ready') throw new Error(JSON.stringify(answer))
  const { watch, source } = answer
  const { settings } = watch
  let state: WatchState = startWatch(settings)
  while (state.decision === undefined) {
    const { to } = nextLook(watch, state.counting, at(0))
    const { look } = await lookFor({ watch, source, counting: state.counting, pods: asked.pods, to }, soon())
    state = watchLook(settings, state, look)
  }
  return { settings, standing: standingOf(settings, state), watching: { watch, state }, proxies: asked.proxies }
}

t.test('what ingress-nginx counts is judged against what it counted before the deploy, and no rate is claimed', async t => {
  const { standing, settings } = await watched(ingress({ share: second => (second > 30 ? 0.2 : 0.001) }))
  t.match(standing, { kind: 'fail', grounds: { baseline: 'before', parts: [{ metric: 'errors', name: 'errors', old: { requests: 0 } }] } })
  t.equal(standing.grounds.guarantee, undefined)
  t.match(
    standing.text.join('\n'),
    /compared with what it counted before the deploy, and no error rate of the verdict is claimed to be proven/
  )
  t.ok(standing.grounds.seconds <= 90, `${standing.grounds.seconds} s`)
  t.match(settings.said, [
    'numbers: Prometheus (what proxies count)',
    'errors: ingress-nginx, the series nginx_ingress_controller_requests{exported_namespace="shop", ingress="api", status!=""}, bad where status is 5..'
  ])
})

t.test('a good version passes by it, and against an objective as well', async t => {
  const good = ingress({ share: () => 0.001 })
  t.match((await watched(good)).standing, { kind: 'pass' })
  const objective = { ...BEFORE, baseline: 'objective', objective: 0.01 } as const
  const { standing } = await watched(good, { options: objective })
  t.match(standing, { kind: 'pass', grounds: { compared: /compared with the objective/ } })
  t.equal(standing.grounds.guarantee, undefined)
})

t.test('what a proxy counts is the new version’s only once that serves alone', async t => {
  // Given a rollout that takes five minutes, all of its errors before the old version is gone.
  const early = ingress({ share: second => (second > 0 && second < 290 ? 0.3 : 0.001) })
  const { standing } = await watched(early, { pods: podsUntil(300) })
  t.match(standing, { kind: 'pass' })
  t.ok((standing.grounds.parts[0]?.new.bad ?? 0) < 200, 'errors of both together are not the new one’s')
  // And where it is never alone, nothing is proven.
  const both = [guardedPod('a', 'old'), guardedPod('b', 'new', { bornAt: at(2), readyFrom: at(10) })]
  t.match((await watched(early, { pods: both })).standing, { kind: 'inconclusive', because: 'no-traffic' })
})

t.test('a controller that two jobs scrape counts once, hosts of one Ingress add up, and two controllers do', async t => {
  const requests = async (series: readonly StoredSeries[]) => (await watched(series)).standing.grounds.parts[0]?.new.requests ?? 0
  const one = await requests(ingress())
  t.ok(one > 20_000)
  t.equal(await requests([...ingress(), ...ingress({ job: 'annotations' })]), one)
  t.equal(await requests([...ingress(), ...ingress({ host: 'www.shop.example' })]), 2 * one)
  t.equal(await requests([...ingress(), ...ingress({ pod: 'nginx-10' })]), 2 * one)
})

t.test('a controller whose counters fall is believed no more: nothing passes by it, and nothing fails', async t => {
  const { standing } = await watched(ingress({ fallsAt: 60 }))
  t.match(standing, { kind: 'inconclusive', because: 'source-gone', grounds: { notes: /can't be read: nginx-1/ } })
})

t.test('without a series yet it is awaited, and without a Prometheus it can’t be', async t => {
  t.match(await prepareWatch(question([]), soon()), { kind: 'not-yet', awaits: /two scrapes of nginx_ingress_controller_requests/ })
  t.match(await prepareWatch(question([], { proxies: undefined }), soon()), { kind: 'cannot', because: 'source-refused' })
})

t.test('a guard of a proxy’s metric is refused at the start where old and new would be compared side by side', async t => {
  const rollout = await openGuardedRollout(t, { entry: undefined })
  for (const baseline of ['concurrent', 'concurrent-and-before'] as const)
    t.match(await rollout.start({ metrics: ['ingress-nginx'], baseline }), {
      kind: 'refused',
      why: 'invalid',
      detail: `ingress-nginx can’t be compared with baseline ${baseline}: a proxy does not tell the old version’s pods from the new one’s; choose the baseline before or objective`
    })
  t.match(await rollout.start({ metrics: ['istio', 'http-latency'], baseline: 'before' }), { kind: 'refused', detail: /by one guard/ })
  t.match(await rollout.start({ metrics: ['envoy'], baseline: 'before' }), {
    kind: 'refused',
    detail: 'envoy has no usual query: the namespace’s entry of `guards:` must give the options, under `metrics`'
  })
  t.equal(await rollout.ledger.guardsUnderWay(), 0)
  t.match(await rollout.start({ metrics: ['ingress-nginx'], baseline: 'before' }), { kind: 'started' })
})

t.test('once a bad version was taken back, the proxy tells whether the old one serves well again', async t => {
  // Given a version that failed, taken back at 100 s; the old one serves well from then on, or as badly.
  const recovers = async (after: number) => {
    const series = ingress({ share: second => (second > 30 ? (second < 100 ? 0.2 : after) : 0.001) })
    const { watching, proxies } = await watched(series)
    if (proxies === undefined) throw new Error('there are no proxies')
    const pods = [guardedPod('c', 'old', { bornAt: at(95), readyFrom: at(99) }), guardedPod('b', 'new', { deletedAt: at(100) })]
    const served = await servedIn(
      { cluster: { look: async () => ({ kind: 'found', workload: workloadOf([V1, V2]), pods }), ...UNASKED } },
      {
        guard: deployGuardOf({ version: VERSION }),
        memory: { ...NOTHING_YET, watching },
        numbers: { sources: [], proxies, close: () => {} },
        version: 'old'
      },
      { from: at(150), to: at(165) },
      soon()
    )
    return served
  }
  t.match(await recovers(0.001), { kind: 'served', parts: [{ name: 'errors', verdict: 'pass', requests: 1_500 }] })
  t.match(await recovers(0.2), { kind: 'served', parts: [{ name: 'errors', verdict: 'fail', bad: 300 }] })
})

t.test('scrapes are counted since the deploy, in whole blocks', async t => {
  const { settings } = await watched(ingress())
  t.match(settings.counting, { from: DEPLOY, blockSeconds: 15, counters: [{ kind: 'proxy-errors', metric: 'ingress-nginx', bad: '5..' }] })
})
