import type { Test } from 'tap'
import type { GuardedPod } from '../../src/domain/guarded-pod.ts'
import type { PartCommand } from '../../src/sandbox/real-parts.ts'
import { startGuardPrometheus } from './guard-prometheus.ts'
import { tellGuard } from './guard-story.ts'
import type { StoredSeries } from './series-prometheus.ts'

/** Every scrape comes 15 s after the last. */
const EVERY = 15

const DAY = 86_400

interface Served {
  readonly pod: GuardedPod
  /** Seconds after the deploy: the first and last scrape. */
  readonly from: number
  readonly to: number
  /** Requests for each scrape, and how many of them are bad: from the deploy on, and before it. */
  readonly each: number
  readonly bad: number
  readonly badBefore?: number
  /** When its container restarted. */
  readonly restartAt?: number
  readonly labels?: Readonly<Record<string, string>>
  readonly phase?: number
}

/** What a real Prometheus of either release must do with what a guard asks it; its data were scraped before. */
export async function guardReadsTheScraped(t: Test, program: PartCommand): Promise<void> {
  const deployedAt = Math.floor(Date.now() / 1_000) * 1_000 - 660_000
  const at = (second: number): number => deployedAt + second * 1_000
  const pod = (scene: string, letter: string, version: 'old' | 'new', more: Partial<GuardedPod> = {}): GuardedPod => ({
    uid: `${scene}-${letter}`,
    name: `api-${version === 'old' ? '5d8c7b9f6d' : '7f6c5d8b9d'}-x2x4${letter}`,
    namespace: scene,
    version,
    bornAt: at(version === 'old' ? -30 * DAY : 1),
    readyFrom: at(version === 'old' ? -30 * DAY : 3),
    restarts: 0,
    annotations: {},
    ports: [],
    probes: [],
    ...more
  })
  const served = ({
    pod: of,
    from,
    to,
    each,
    bad,
    badBefore = bad,
    restartAt,
    labels = {},
    phase = 0
  }: Served): readonly StoredSeries[] => {
    const target = { job: 'pods', instance: `${of.ip ?? of.name}:8080`, namespace: of.namespace, pod: of.name, ...labels }
    const good: [number, number][] = []
    const errors: [number, number][] = []
    const up: [number, number][] = []
    let [goods, bads] = [0, 0]
    let restarted = restartAt === undefined
    for (let second = from + phase; second <= to; second += EVERY) {
      if (!restarted && restartAt !== undefined && second > restartAt) {
        restarted = true
        goods = 0
        bads = 0
      }
      const worse = second > 0 ? bad : badBefore
      goods += each - worse
      bads += worse
      good.push([at(second), goods])
      errors.push([at(second), bads])
      up.push([at(second), 1])
    }
    const requests = (code: string) => ({ __name__: 'http_requests_total', code, path: '/orders', ...target })
    return [
      { labels: requests('200'), samples: good },
      { labels: requests('500'), samples: errors },
      { labels: { __name__: 'up', ...target }, samples: up }
    ]
  }
  const old = (scene: string, more: Partial<Served> = {}) =>
    served({ pod: pod(scene, 'b', 'old'), from: -1_830, to: 640, each: 1_500, bad: 8, phase: 2, ...more })
  const fresh = (scene: string, more: Partial<Served> = {}) =>
    served({ pod: pod(scene, 'c', 'new'), from: 15, to: 640, each: 1_500, bad: 8, phase: 5, ...more })
  const days = (scene: string) => [1, 7].flatMap(day => old(scene, { from: -day * DAY - 1_800, to: -day * DAY + 1_860, phase: 0 }))
  const replicas = ['p-0', 'p-1'] as const
  const restarted = pod('restart', 'c', 'new', { restarts: 1 })
  const [gone, next] = [pod('address', 'b', 'old', { ip: '10.1.2.3', deletedAt: at(300) }), pod('address', 'c', 'new', { ip: '10.1.2.4' })]
  const byAddress = { pod: '', namespace: '' }
  const prometheus = await startGuardPrometheus({
    program,
    folder: t.testdir({}),
    backfilled: [
      ...old('good'),
      ...fresh('good'),
      ...old('bad'),
      ...fresh('bad', { bad: 120 }),
      ...replicas.flatMap((replica, index) => [
        ...old('pairs', { labels: { prometheus_replica: replica }, phase: 2 + index * 0.04 }),
        ...fresh('pairs', { labels: { prometheus_replica: replica }, phase: 5 + index * 0.04 })
      ]),
      ...old('restart'),
      ...fresh('restart', { pod: restarted, restartAt: 40 }),
      ...old('flapping'),
      ...fresh('flapping', { restartAt: 40 }),
      ...old('before'),
      ...days('before'),
      ...fresh('before', { bad: 120 }),
      ...old('quiet'),
      ...fresh('quiet', { each: 0, bad: 0 }),
      // The address of the old pod is another workload's after its deletion, and that one fails.
      ...served({ pod: gone, from: -1_830, to: 300, each: 1_500, bad: 8, phase: 2, labels: byAddress }),
      ...served({ pod: gone, from: 330, to: 640, each: 1_500, bad: 1_400, phase: 2, labels: byAddress }),
      ...served({ pod: next, from: 15, to: 640, each: 1_500, bad: 8, phase: 5, labels: byAddress }),
      // Named alike: a gateway that fails all the time.
      ...old('good', { pod: { ...pod('good', 'b', 'old'), name: 'api-gateway-5d8c7b9f6d-x2x4b' }, bad: 1_400 })
    ]
  })
  t.teardown(() => prometheus.stop())
  const told = async (scene: string, more: { readonly pods?: readonly GuardedPod[]; readonly baseline?: 'concurrent' | 'before' } = {}) => {
    const pods = more.pods ?? [pod(scene, 'b', 'old'), pod(scene, 'c', 'new')]
    return tellGuard({
      source: prometheus.source(),
      deployedAt,
      namespace: scene,
      options: { baseline: more.baseline ?? 'concurrent' },
      pods: () => pods,
      now: Date.now,
      wait: async dueAt => (dueAt <= Date.now() ? 'go-on' : 'over')
    })
  }

  const good = await told('good')
  t.equal(good.standing.kind, 'pass', good.standing.text.join('\n'))
  t.equal(good.watch.settings.counting.blockSeconds, 15)
  t.match(
    good.watch.settings.said.join('\n'),
    /by the label pod\nerrors: http_requests_total, bad by its label code[^\n]*\nerrors: at this traffic ×5 \(2\.\d+ %\) takes about \d+ s to prove/
  )
  t.equal(good.watch.settings.badBlocks, 2, 'its past is known, and the gateway’s errors are not in it')
  t.ok(good.watch.settings.parts[0]?.comparisons[0]?.dispersion === 1)

  const bad = await told('bad')
  t.equal(bad.standing.kind, 'fail', bad.standing.text.join('\n'))
  t.ok(bad.standing.grounds.seconds <= 75, `after ${bad.standing.grounds.seconds} s`)

  const pairs = await told('pairs')
  t.equal(pairs.standing.kind, 'pass', pairs.standing.text.join('\n'))
  t.same(pairs.standing.grounds.parts[0]?.new, good.standing.grounds.parts[0]?.new, 'two replicas count once')

  t.equal((await told('restart', { pods: [pod('restart', 'b', 'old'), restarted] })).standing.kind, 'pass')
  t.match((await told('flapping')).standing, { kind: 'inconclusive', because: 'new-pods-unreadable' }, 'a fall without a restart')

  const before = await told('before', { baseline: 'before' })
  t.equal(before.standing.kind, 'fail', before.standing.text.join('\n'))
  t.match(before.watch.settings.said.join('\n'), /before the deploy: up to 0\.\d+ %/)

  t.match((await told('quiet')).standing, { kind: 'inconclusive', because: 'no-traffic' })

  const address = await told('address', { pods: [gone, next] })
  t.equal(address.standing.kind, 'pass', address.standing.text.join('\n'))
  t.match(address.watch.settings.said[0], /by their addresses/)
}
