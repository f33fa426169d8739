import { once } from 'node:events'
import http from 'node:http'
import type { Test } from 'tap'
import type { GuardedPod } from '../../src/domain/guarded-pod.ts'
import type { PartCommand } from '../../src/sandbox/real-parts.ts'
import { startGuardPrometheus } from './guard-prometheus.ts'
import { tellGuard } from './guard-story.ts'
import { waitUntil } from './world/world.ts'

const SECOND = 1_000

/** Pods that the test serves itself, scraped every second: what only a scrape shows. Two guards watch at the same time. */
export async function guardWatchesTheServed(t: Test, program: PartCommand): Promise<void> {
  const began = Date.now()
  let deployedAt = Number.POSITIVE_INFINITY
  const startedAt = new Map<string, number>()
  const exporter = http.createServer((request, response) => {
    const name = request.url?.split('/')[2] ?? ''
    const now = Date.now()
    const requests = Math.floor(((now - (startedAt.get(name) ?? began)) / SECOND) * 300)
    const errors = name === 'bad-c' ? Math.max(0, Math.floor(((now - deployedAt) / SECOND) * 60)) : 0
    // What the application says of pods and paths by labels that a target has as well.
    const own = 'pod="liar",endpoint="/orders"'
    const bucket = (le: string, share: number): string =>
      `http_request_duration_seconds_bucket{${own},le="${le}"} ${Math.floor(requests * share)}`
    response
      .writeHead(200, { 'content-type': 'text/plain; version=0.0.4' })
      .end(
        [
          '# TYPE http_requests_total counter',
          `http_requests_total{code="200",${own}} ${requests}`,
          ...(errors === 0 ? [] : [`http_requests_total{code="500",${own}} ${errors}`]),
          '# TYPE http_request_duration_seconds histogram',
          bucket('0.5', 0.9),
          bucket('1', 0.99),
          bucket('+Inf', 1),
          `http_request_duration_seconds_sum{${own}} 1`,
          `http_request_duration_seconds_count{${own}} ${requests}`,
          ''
        ].join('\n')
      )
  })
  exporter.listen(0, '127.0.0.1')
  await once(exporter, 'listening')
  const address = exporter.address()
  const port = address === null || typeof address === 'string' ? 0 : address.port
  const prometheus = await startGuardPrometheus({
    program,
    folder: t.testdir({}),
    scrapeConfigs: ['good-b', 'good-c', 'bad-c'].map(name => ({
      job_name: name,
      metrics_path: `/pods/${name}/metrics`,
      static_configs: [{ targets: [`127.0.0.1:${port}`], labels: { namespace: 'shop', pod: name } }],
      relabel_configs: [{ target_label: 'job', replacement: 'pods' }]
    }))
  })
  t.teardown(async () => {
    await prometheus.stop()
    exporter.close()
    exporter.closeAllConnections()
  })
  const podOf = (name: string, version: 'old' | 'new'): GuardedPod => ({
    uid: name,
    name,
    namespace: 'shop',
    version,
    bornAt: version === 'old' ? began - 60_000 : deployedAt,
    readyFrom: version === 'old' ? began - 60_000 : deployedAt + SECOND,
    restarts: startedAt.has(name) ? 1 : 0,
    annotations: {},
    ports: [],
    probes: []
  })
  const seen = async (): Promise<boolean> => {
    const labels = await prometheus.source().labels([podOf('good-b', 'old')], ['http_requests_total'], AbortSignal.timeout(5_000))
    const interval = await prometheus.source().interval([podOf('good-b', 'old')], AbortSignal.timeout(5_000))
    return labels.kind === 'said' && labels.value.length > 0 && interval.kind === 'said'
  }
  await waitUntil(seen, 'the pods were scraped twice')
  deployedAt = Date.now()

  let now = (): number => Date.now()
  let killed = false
  const pausing = async (dueAt: number): Promise<'go-on'> => {
    // Once the source is dead there is nothing to wait for, and time goes as fast as looks are made.
    if (killed) now = () => dueAt
    else await new Promise(resolve => setTimeout(resolve, Math.max(0, dueAt - Date.now())))
    return 'go-on'
  }
  const story = (fresh: string) => ({
    source: prometheus.source(),
    deployedAt,
    namespace: 'shop',
    options: { soak: 280 * SECOND, timeout: 300 * SECOND, warmUp: 0 },
    pods: () => [podOf('good-b', 'old'), podOf(fresh, 'new')],
    now: () => now(),
    wait: pausing
  })
  const good = tellGuard(story('good-c'))
  const restarting = setTimeout(() => startedAt.set('good-c', Date.now()), 12 * SECOND)
  t.teardown(() => clearTimeout(restarting))

  const bad = await tellGuard(story('bad-c'))
  t.equal(bad.standing.kind, 'fail', bad.standing.text.join('\n'))
  t.equal(bad.standing.grounds.worst, 'errors')
  t.equal(bad.watch.settings.counting.blockSeconds, 5, 'scraped every second, counted in blocks of five')
  t.match(bad.watch.settings.said.join('\n'), /errors: http_requests_total, bad by its label code; probes are left out by their path/)
  t.match(bad.watch.settings.said.join('\n'), /latency: http_request_duration_seconds, slower than 0\.5, 1,/)

  killed = true
  prometheus.process.kill('SIGKILL')
  const ended = await good
  t.match(ended.standing, { kind: 'inconclusive', because: 'source-gone' }, ended.standing.text.join('\n'))
  t.same([...new Set(ended.unsaid)], ['unreachable'])
  const [errors, slow] = ended.standing.grounds.parts
  t.ok((errors?.new.requests ?? 0) > 5_000, `the restart loses nothing: ${errors?.new.requests} requests`)
  t.equal(errors?.new.bad, 0)
  const share = (slow?.new.bad ?? 0) / (slow?.new.requests ?? 1)
  t.ok(Math.abs(share - 0.1) < 0.01, `slower than half a second are ${share}`)
  t.same(ended.state.counting.pods['good-c']?.standing === 'unreliable', false)
}
