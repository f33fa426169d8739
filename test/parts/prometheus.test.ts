import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import http from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import type { Span } from '../../src/domain/history.ts'
import type { RenderedQuery } from '../../src/domain/ports/verifier.ts'
import { withBreaker } from '../../src/outgoing/breaker.ts'
import { createClockOffset } from '../../src/outgoing/clock-offset.ts'
import { createHttpClient } from '../../src/outgoing/http-client.ts'
import { startPrometheus } from '../../src/sandbox/monitoring.ts'
import { obtainPart, PROMETHEUS } from '../../src/sandbox/real-parts.ts'
import { createPrometheus } from '../../src/verification/prometheus.ts'
import { waitUntil } from '../support/world/world.ts'

// What the loopback sources of the unit tests imitate, asked of the real server.
t.test('a real Prometheus answers as the verification expects', async t => {
  let requests = 0
  const exporter = http.createServer((_request, response) => {
    requests += 10
    response
      .writeHead(200, { 'content-type': 'text/plain; version=0.0.4' })
      .end(
        `# TYPE http_requests_total counter\nhttp_requests_total{code="200"} ${requests}\nhttp_requests_total{code="500"} ${requests * 2}\n# TYPE idle_total counter\nidle_total 0\n`
      )
  })
  exporter.listen(0, '127.0.0.1')
  await once(exporter, 'listening')
  const address = exporter.address()
  const folder = mkdtempSync(join(tmpdir(), 'astern-prometheus-'))
  const rule = { alert: 'TooMany', expr: 'sum(rate(http_requests_total[5s])) > 0', for: '2s', labels: { severity: 'page' } }
  const server = await startPrometheus({
    program: await obtainPart(PROMETHEUS, { variables: process.env }),
    folder,
    targets: [`127.0.0.1:${address === null || typeof address === 'string' ? 0 : address.port}`],
    groups: [{ name: 'g', rules: [rule] }],
    alertmanagers: []
  })
  const client = createHttpClient()
  t.teardown(async () => {
    await server.stop()
    exporter.close()
    exporter.closeAllConnections()
    client.close()
    rmSync(folder, { recursive: true, force: true })
  })
  const offset = createClockOffset(Date.now)
  const prometheus = createPrometheus({
    url: server.url,
    client: withBreaker(client, { name: 'prometheus' }),
    offset,
    now: Date.now,
    timeoutMs: 3_000
  })
  const query = (promql: string, more: Partial<RenderedQuery> = {}): RenderedQuery => ({
    name: 'q',
    promql,
    failWhen: { comparison: '>', value: 0.05 },
    window: 5_000,
    boundToPods: false,
    samples: 1,
    every: 1_000,
    maxAge: 60_000,
    ...more
  })
  const ask = (promql: string, more: Partial<RenderedQuery> = {}) =>
    prometheus.sample([query(promql, more)], Date.now(), AbortSignal.timeout(10_000))
  await waitUntil(async () => (await ask('sum(rate(http_requests_total[5s]))')).verdict === 'fail', 'there are samples')

  const ratio = await ask('sum(rate(http_requests_total{code="500"}[5s])) / sum(rate(http_requests_total[5s]))')
  t.equal(ratio.verdict, 'fail')
  t.ok(Math.abs((ratio.queries[0]?.value ?? 0) - 2 / 3) < 0.05)
  t.match(await ask('sum(rate(nothing_total[5s]))'), { verdict: 'inconclusive', problem: 'no-data' })
  t.match(await ask('rate(idle_total[5s]) / rate(idle_total[5s])'), { verdict: 'inconclusive', problem: 'not-a-number' })
  t.match(await ask('sum(rate(http_requests_total[5s])) / 0'), { verdict: 'inconclusive', problem: 'infinite' })
  t.match(await ask('rate(http_requests_total[5s])'), { verdict: 'inconclusive', problem: 'many-series' })
  t.match(await ask('http_requests_total[5s]'), { verdict: 'inconclusive', problem: 'not-a-vector' })
  t.match(await ask('scalar(sum(rate(http_requests_total[5s])))'), { verdict: 'fail' })
  t.match(await ask('sum(rate(http_requests_total[5s'), { verdict: 'error', problem: 'query-rejected' })
  t.match(await ask('http_requests_total + on() http_requests_total'), { verdict: 'error', problem: 'query-rejected' }, 'many-to-many')
  t.match(
    await ask('sum(rate(http_requests_total[5s]))', { maxAge: 1 }),
    { verdict: 'inconclusive', problem: 'stale' },
    'the age of the newest sample is known'
  )
  t.equal(offset.known(), true)
  t.equal(offset.value(), 0, 'the same machine, the same clock')
  const soon = Date.now()
  const past = (promql: string, span: Span) => prometheus.history([query(promql)], span, AbortSignal.timeout(10_000))
  const errors = await past('sum(rate(http_requests_total[5s]))', { from: soon - 10_000, to: soon, step: 1_000 })
  t.equal(errors.kind, 'points')
  t.match(
    errors.kind === 'points' ? errors.points.at(-1) : undefined,
    { at: soon, verdict: 'fail' },
    'the last point is the end of the span'
  )
  const before = await past('sum(rate(http_requests_total[5s]))', { from: soon - 3_600_000, to: soon - 3_500_000, step: 1_000 })
  t.match(before, { kind: 'points', points: [] }, 'before there was anything, nothing is said')
  t.match(await past('sum(rate(http_requests_total[5s', { from: soon - 10_000, to: soon, step: 1_000 }), {
    kind: 'unknown',
    problem: 'query-rejected'
  })
  t.match(await prometheus.check(AbortSignal.timeout(3_000)), { reachable: true })

  exporter.closeAllConnections()
  exporter.close()
  await waitUntil(async () => (await ask('sum(http_requests_total)')).problem === 'no-data', 'a target that is gone is stale at once')
  await server.stop()
  t.match(await ask('vector(1)'), { verdict: 'error', problem: 'unreachable' })
})
