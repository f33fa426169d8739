import type { Test } from 'tap'
import type { GuardedPod } from '../../src/domain/guarded-pod.ts'
import type { PartCommand } from '../../src/sandbox/real-parts.ts'
import { startGuardPrometheus } from './guard-prometheus.ts'
import { tellGuard } from './guard-story.ts'
import type { StoredSeries } from './series-prometheus.ts'

/** Every scrape comes 15 s after the last. */
const EVERY = 15
const DAY = 86_400

/** What a real Prometheus answers to the questions about proxies: raw scrapes, and the past on a grid. */
export async function guardReadsProxies(t: Test, program: PartCommand): Promise<void> {
  const deployedAt = Math.floor(Date.now() / 1_000) * 1_000 - 660_000
  const at = (second: number): number => deployedAt + second * 1_000
  const spans = [-7 * DAY, -DAY, 0].map(day => [day - 1_830, day === 0 ? 640 : day + 1_860] as const)
  // The metrics of ingress-nginx: 1,500 requests between two scrapes, in the namespace that the story has.
  const counted = (namespace: string, badLater: number): readonly StoredSeries[] =>
    (['200', '503'] as const).map(status => {
      let count = 0
      const samples = spans.flatMap(([from, to]) =>
        Array.from({ length: Math.floor((to - from) / EVERY) }, (_, index): [number, number] => {
          const second = from + EVERY * index
          const bad = second > 0 ? badLater : 2
          count += status === '503' ? bad : 1_500 - bad
          return [at(second), count]
        })
      )
      const target = { job: 'ingress', instance: '10.1.0.1:10254', pod: 'ingress-nginx-1', namespace: 'ingress-nginx' }
      return {
        labels: {
          __name__: 'nginx_ingress_controller_requests',
          exported_namespace: namespace,
          ingress: 'api',
          host: 'a',
          status,
          ...target
        },
        samples
      }
    })
  const prometheus = await startGuardPrometheus({
    program,
    folder: t.testdir({}),
    backfilled: [...counted('good', 2), ...counted('bad', 300)]
  })
  t.teardown(() => prometheus.stop())
  const fresh = { restarts: 0, annotations: {}, ports: [], probes: [] }
  const told = async (namespace: string) => {
    const pods: readonly GuardedPod[] = [
      { uid: 'a', name: 'api-1', namespace, version: 'old', bornAt: at(-DAY), readyFrom: at(-DAY), deletedAt: at(20), ...fresh },
      { uid: 'b', name: 'api-2', namespace, version: 'new', bornAt: at(1), readyFrom: at(3), ...fresh }
    ]
    return tellGuard({
      source: prometheus.source(),
      proxies: prometheus.proxies(),
      deployedAt,
      namespace,
      options: { baseline: 'before', metrics: ['ingress-nginx'] },
      pods: () => pods,
      now: Date.now,
      wait: async dueAt => (dueAt <= Date.now() ? 'go-on' : 'over')
    })
  }
  t.match(await told('good'), { standing: { kind: 'pass', grounds: { baseline: 'before', guarantee: undefined } }, unsaid: [] })
  const bad = await told('bad')
  t.match(bad, { standing: { kind: 'fail', grounds: { parts: [{ old: { requests: 0 } }] } }, unsaid: [] })
  t.ok(bad.standing.grounds.seconds <= 90, `${bad.standing.grounds.seconds} s`)
}
