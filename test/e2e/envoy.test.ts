import { once } from 'node:events'
import http from 'node:http'
import t, { type Test } from 'tap'
import type { GuardedPod } from '../../src/domain/guarded-pod.ts'
import { guardMetricsOf } from '../../src/policies/guard-metrics.ts'
import { CURRENT_PROMETHEUS, obtain } from '../support/cluster/go-build.ts'
import { type GuardPrometheus, startGuardPrometheus } from '../support/guard-prometheus.ts'
import { tellGuard } from '../support/guard-story.ts'
import { type RunningEnvoy, startEnvoy } from '../support/proxies/envoy.ts'
import { renderedVerify } from '../support/verify-query.ts'
import { waitUntil } from '../support/world/world.ts'

const SECOND = 1_000

/** Between two pulses of requests, milliseconds. */
const PULSE = 100

interface Application {
  readonly port: number
  /** From now on each nth request gets 500. */
  failEach(nth: number): void
  /** Listens no more: Envoy answers for it. */
  close(): void
}

/** What Envoy hands requests to: their path says how they end. */
async function openApplication(t: Test): Promise<Application> {
  let requests = 0
  let bad = Number.POSITIVE_INFINITY
  const server = http.createServer(({ url, socket }, response) => {
    requests += 1
    if (url === '/hang') return
    if (url === '/cut') return void socket.destroy()
    const failed = url === '/bad' || requests % bad === 0 || (url === '/flaky' && requests % 2 === 1)
    response.writeHead(failed ? 500 : 200).end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const close = () => {
    server.close()
    server.closeAllConnections()
  }
  t.teardown(close)
  const address = server.address()
  return {
    port: address === null || typeof address === 'string' ? 0 : address.port,
    failEach: nth => {
      bad = nth
    },
    close
  }
}

/** Sends requests to paths of Envoy until the test is over. */
function traffic(t: Test, { url }: RunningEnvoy, paths: readonly string[], each = 1): void {
  const agent = new http.Agent({ keepAlive: true })
  const send = (path: string): void => void http.get(`${url}${path}`, { agent }, response => response.resume()).on('error', () => {})
  const pulses = setInterval(() => {
    for (const path of paths) for (let index = 0; index < each; index += 1) send(path)
  }, PULSE)
  t.teardown(() => {
    clearInterval(pulses)
    agent.destroy()
  })
}

async function scraping(t: Test, { admin }: RunningEnvoy): Promise<GuardPrometheus> {
  const prometheus = await startGuardPrometheus({
    program: [await obtain(CURRENT_PROMETHEUS)],
    folder: t.testdir({}),
    scrapeConfigs: [{ job_name: 'envoy', metrics_path: '/stats/prometheus', static_configs: [{ targets: [admin] }] }]
  })
  t.teardown(() => prometheus.stop())
  return prometheus
}

/** What a policy with the named metric would say now. */
async function verdictOf({ verifier }: GuardPrometheus, options: object): Promise<string> {
  const query = renderedVerify({ use: 'envoy', with: { window: '10s', ...options } }, 'shop')
  return (await verifier.sample([query], Date.now(), AbortSignal.timeout(30 * SECOND))).verdict
}

t.test('what `envoy` takes for an error is what a real Envoy’s callers got', async t => {
  const { port } = await openApplication(t)
  const alone = await openApplication(t)
  const envoy = await startEnvoy(t, [
    { name: 'shop_slow_8080', prefix: '/slow', ports: [port], route: { timeout: '0.2s' } },
    { name: 'shop_cut_8080', prefix: '/broken', ports: [port] },
    { name: 'shop_none_8080', prefix: '/none', ports: [] },
    { name: 'shop_bad_8080', prefix: '/failing', ports: [port] },
    // Nothing else is asked of this one’s application, so that each second request fails, and each retry helps.
    { name: 'shop_retried_8080', prefix: '/retried', ports: [alone.port], route: { retry_policy: { retry_on: '5xx', num_retries: 1 } } },
    { name: 'shop_good_8080', prefix: '/good', ports: [port] },
    { name: 'dotted.shop.svc', prefix: '/dotted', ports: [port] },
    { name: 'other.shop.svc', prefix: '/other', ports: [port], more: { alt_stat_name: 'shop_other_8080' } }
  ])
  const prometheus = await scraping(t, envoy)
  traffic(t, envoy, ['/slow/hang', '/broken/cut', '/none/x', '/failing/bad', '/retried/flaky', '/good/x', '/dotted/x', '/other/x'])
  const says = async (verdict: string, options: object): Promise<void> => {
    await waitUntil(async () => (await verdictOf(prometheus, options)) === verdict, `${JSON.stringify(options)}: ${verdict}`)
    t.pass(`${JSON.stringify(options)}: ${verdict}`)
  }

  for (const cluster of ['shop_slow_8080', 'shop_cut_8080', 'shop_none_8080', 'shop_bad_8080']) await says('fail', { cluster })
  for (const cluster of ['shop_retried_8080', 'shop_good_8080', 'shop_other_8080']) await says('pass', { cluster })
  // Envoy ends a cluster’s name at its first dot, and the rest goes into the metric’s: docs/metrics.md says so.
  t.equal(await verdictOf(prometheus, { cluster: 'dotted.shop.svc' }), 'inconclusive')
  await says('pass', { cluster: 'dotted', metric: 'envoy_cluster_shop_svc_upstream_rq_xx' })
})

t.test('a guard judges by what a real Envoy counts: errors of the application, and Envoy’s own', { timeout: 180_000 }, async t => {
  const [good, bad, gone] = [await openApplication(t), await openApplication(t), await openApplication(t)]
  const envoy = await startEnvoy(t, [
    { name: 'good_api', prefix: '/good', ports: [good.port] },
    { name: 'bad_api', prefix: '/bad', ports: [bad.port] },
    { name: 'gone_api', prefix: '/gone', ports: [gone.port] }
  ])
  const prometheus = await scraping(t, envoy)
  traffic(t, envoy, ['/good/x', '/bad/x', '/gone/x'], 5)
  const made = guardMetricsOf({ envoy: { cluster: '{{ target.namespace }}_{{ target.name }}' } }, [])
  if (made.kind === 'wrong') throw new Error(JSON.stringify(made.findings))
  for (const cluster of ['good_api', 'bad_api', 'gone_api'])
    await waitUntil(async () => (await verdictOf(prometheus, { cluster })) === 'pass', `${cluster} serves`)

  // Given first deploys, of which no counter of an error is there yet: Envoy makes each with its first event.
  const deployedAt = Date.now()
  bad.failEach(5)
  gone.close()
  const fresh = { restarts: 0, annotations: {}, ports: [], probes: [] }
  const told = (namespace: string) =>
    tellGuard({
      source: prometheus.source(),
      proxies: prometheus.proxies(),
      asked: made.asked,
      deployedAt,
      namespace,
      firstDeploy: true,
      options: { baseline: 'objective', objective: 0.05, metrics: ['envoy'], soak: 30 * SECOND, timeout: 120 * SECOND },
      pods: (): readonly GuardedPod[] => [
        { uid: 'a', name: 'api-1', namespace, version: 'new', bornAt: deployedAt - SECOND, readyFrom: deployedAt, ...fresh }
      ],
      now: Date.now,
      wait: async dueAt => {
        await new Promise(resolve => setTimeout(resolve, Math.max(0, dueAt - Date.now())))
        return 'go-on'
      }
    })
  const [well, failing, dead] = await Promise.all([told('good'), told('bad'), told('gone')])

  t.match(well, { standing: { kind: 'pass', grounds: { baseline: 'objective', guarantee: undefined } } })
  t.match(failing, { standing: { kind: 'fail' } })
  const [counted] = failing.standing.grounds.parts
  const share = (counted?.new.bad ?? 0) / (counted?.new.requests ?? 1)
  t.ok(Math.abs(share - 0.2) < 0.05, `one of five: ${share}`)
  t.match(dead, { standing: { kind: 'fail' } })
  const [all] = dead.standing.grounds.parts
  t.ok((all?.new.bad ?? 0) > 0.9 * (all?.new.requests ?? 0), 'Envoy answers 503 for an application that is gone')
})
