import { once } from 'node:events'
import { createServer } from 'node:http'
import { join } from 'node:path'
import t from 'tap'
import { withBreaker } from '../../src/outgoing/breaker.ts'
import { createClockOffset } from '../../src/outgoing/clock-offset.ts'
import { createHttpClient } from '../../src/outgoing/http-client.ts'
import { freePort, startProcess, untilReady } from '../../src/sandbox/processes.ts'
import { createPrometheus } from '../../src/verification/prometheus.ts'
import { CURRENT_PROMETHEUS, obtain } from '../support/cluster/go-build.ts'
import { HANG_MS } from '../support/hang.ts'
import { renderedVerify } from '../support/verify-query.ts'
import { waitUntil } from '../support/world/world.ts'

t.test('a native histogram tells of latency and of traffic on the current Prometheus', async t => {
  let scrapes = 0
  const exporter = createServer((_request, response) => {
    scrapes += 1
    const of = (namespace: string, slow: number, requests: number): string =>
      [
        ['0.1', requests - slow],
        ['1', requests],
        ['+Inf', requests]
      ]
        .map(([le, value]) => `http_request_duration_seconds_bucket{namespace="${namespace}",pod="api-a",le="${le}"} ${value}`)
        .concat(`http_request_duration_seconds_sum{namespace="${namespace}",pod="api-a"} ${requests}`)
        .concat(`http_request_duration_seconds_count{namespace="${namespace}",pod="api-a"} ${requests}`)
        .join('\n')
    const body = `# TYPE http_request_duration_seconds histogram\n${of('slow', scrapes * 5, scrapes * 10)}\n${of('fast', 0, scrapes * 10)}\n${of('idle', 0, 10)}\n`
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' }).end(body)
  })
  exporter.listen(0, '127.0.0.1')
  await once(exporter, 'listening')
  const address = exporter.address()
  const port = address === null || typeof address === 'string' ? 0 : address.port
  // Prometheus makes native histograms, with the same boundaries, of classic ones.
  const job = {
    job_name: 'a',
    honor_labels: true,
    scrape_interval: '1s',
    scrape_timeout: '1s',
    convert_classic_histograms_to_nhcb: true,
    static_configs: [{ targets: [`127.0.0.1:${port}`] }]
  }
  const folder = t.testdir({ 'prometheus.yml': JSON.stringify({ scrape_configs: [job] }) })
  const listening = await freePort()
  const server = startProcess(
    [await obtain(CURRENT_PROMETHEUS)],
    [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'tsdb')}`,
      `--web.listen-address=127.0.0.1:${listening}`,
      '--log.level=error'
    ]
  )
  const client = createHttpClient()
  t.teardown(async () => {
    await server.stop()
    client.close()
    exporter.close()
    exporter.closeAllConnections()
  })
  const url = `http://127.0.0.1:${listening}`
  await untilReady(`${url}/-/ready`, server, 'Prometheus', HANG_MS)
  const prometheus = createPrometheus({
    url,
    client: withBreaker(client, { name: 'prometheus' }),
    offset: createClockOffset(Date.now),
    now: Date.now,
    timeoutMs: 10_000
  })
  const verify = { use: 'http-latency', failWhen: '> 0.5', with: { histogram: 'native', window: '10s' } }
  const verdictIn = async (namespace: string) =>
    (await prometheus.sample([renderedVerify(verify, namespace)], Date.now(), AbortSignal.timeout(30_000))).verdict
  await waitUntil(async () => (await verdictIn('slow')) === 'fail', 'there are samples')
  t.equal(await verdictIn('fast'), 'pass')
  t.equal(await verdictIn('idle'), 'inconclusive')
})
