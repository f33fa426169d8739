import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import http from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { VOCABULARY } from '../../src/app/vocabulary.ts'
import type { Span } from '../../src/domain/history.ts'
import type { RenderedQuery } from '../../src/domain/ports/verifier.ts'
import { withBreaker } from '../../src/outgoing/breaker.ts'
import { createClockOffset } from '../../src/outgoing/clock-offset.ts'
import { createHttpClient } from '../../src/outgoing/http-client.ts'
import { loadPolicies } from '../../src/policies/load.ts'
import { ageQuery } from '../../src/promql/age.ts'
import { startPrometheus } from '../../src/sandbox/monitoring.ts'
import { obtainPart, PROMETHEUS } from '../../src/sandbox/real-parts.ts'
import { createPrometheus } from '../../src/verification/prometheus.ts'
import { waitUntil } from '../support/world/world.ts'

/** A query as a policy has it, through the loader. */
function queryOf(verify: { readonly promql: string; readonly failWhen: string; readonly [key: string]: unknown }): RenderedQuery {
  const policy = {
    name: 'p',
    match: ['alertname="A"'],
    target: { kind: 'Deployment', namespace: 'shop', name: 'api' },
    verify: [{ samples: 1, maxAge: '30s', ...verify }],
    steps: [{ action: 'rollout-restart' }]
  }
  const text = JSON.stringify({ version: 1, sources: { prometheus: { url: 'http://p:9090' } }, policies: [policy] })
  const result = loadPolicies([{ file: 'p.yaml', text }], VOCABULARY)
  const query = result.kind === 'loaded' ? result.set.policies[0]?.verify[0] : undefined
  if (query === undefined) throw new Error(JSON.stringify(result))
  return query
}

const BAD = 'sum(rate(http_requests_total{app="shop", status=~"5.."}[5s]))'
const ALL = 'sum(rate(http_requests_total{app="shop"}[5s]))'
const traffic = { promql: ALL, atLeast: 1 }

t.test('a real Prometheus answers the queries that Astern makes out of the user’s', async t => {
  let requests = 0
  let present = true
  const exporter = http.createServer((_request, response) => {
    requests += 20
    const lines = [
      `http_requests_total{app="shop",status="200"} ${requests}`,
      'queue_depth{ns="shop"} 5',
      'backlog_depth{ns="shop"} 7',
      'other 1'
    ].filter(line => present || line.startsWith('other'))
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' }).end(`${lines.join('\n')}\n`)
  })
  exporter.listen(0, '127.0.0.1')
  await once(exporter, 'listening')
  const address = exporter.address()
  const folder = mkdtempSync(join(tmpdir(), 'astern-promql-'))
  const server = await startPrometheus({
    program: await obtainPart(PROMETHEUS, { variables: process.env }),
    folder,
    targets: [`127.0.0.1:${address === null || typeof address === 'string' ? 0 : address.port}`],
    groups: [],
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
  const prometheus = createPrometheus({ url: server.url, client: withBreaker(client, { name: 'prometheus' }), offset, now: Date.now })
  const ask = (query: RenderedQuery) => prometheus.sample([query], Date.now(), AbortSignal.timeout(10_000))
  const past = (query: RenderedQuery, span: Span) => prometheus.history([query], span, AbortSignal.timeout(10_000))
  await waitUntil(async () => (await ask(queryOf({ promql: ALL, failWhen: '> 1' }))).verdict === 'fail', 'there is traffic')

  await t.test('several metrics by a regular expression have one answer, and an age', async t => {
    const several = queryOf({ promql: 'sum({__name__=~"queue_depth|backlog_depth", ns="shop"})', failWhen: '> 5', window: '1s' })
    t.match(await ask(several), { verdict: 'fail', queries: [{ value: 12 }] })
    t.match(await ask({ ...several, promql: 'sum({__name__=~"gone|backlog_depth", ns="shop"}) * sum(other)' }), {
      verdict: 'fail',
      queries: [{ value: 7 }]
    })
    const now = Date.now()
    const points = await past(several, { from: now - 2_000, to: now, step: 1_000 })
    t.match(points.kind === 'points' ? points.points.at(-1) : points, { verdict: 'fail' }, 'and a past')
  })

  await t.test('a healthy version without a series of failures passes, where the ratio is padded', async t => {
    const padded = queryOf({ promql: `(${BAD} or 0 * ${ALL}) / ${ALL}`, failWhen: '> 5%' })
    t.match(await ask(padded), { verdict: 'pass', queries: [{ value: 0 }] })
    t.match(await ask(queryOf({ promql: `${BAD} / ${ALL}`, failWhen: '> 5%' })), { verdict: 'inconclusive', problem: 'no-data' })
    const orZero = queryOf({ promql: `${BAD} or vector(0)`, failWhen: '> 0.5', traffic })
    t.match(await ask(orZero), { verdict: 'pass', queries: [{ value: 0 }] })
    const now = Date.now()
    const points = await past(orZero, { from: now - 2_000, to: now, step: 1_000 })
    t.match(points.kind === 'points' ? points.points.at(-1) : points, { verdict: 'pass' }, 'in the past too')
  })

  await t.test('absent() is decided while the source sees the traffic', async t => {
    t.match(await ask(queryOf({ promql: 'absent(up{job="gone"})', failWhen: '== 1', traffic })), {
      verdict: 'fail',
      queries: [{ value: 1 }]
    })
    t.match(await ask(queryOf({ promql: 'vector(1)', failWhen: '> 2' })), { verdict: 'pass' }, 'a constant has no age')
  })

  await t.test('the age of every public rule’s samples can be asked', async t => {
    const rules = readFileSync('test/support/promql/corpus/rules.jsonl', 'utf8')
      .trimEnd()
      .split('\n')
      .map((line): { readonly expr: string } => JSON.parse(line))
    const answers = async (query: string): Promise<string> => {
      const form = new URLSearchParams({ query })
      const response = await fetch(`${server.url}/api/v1/query`, { method: 'POST', body: form })
      return response.status === 200 ? '' : `${await response.text()}: ${query}`
    }
    const refused: string[] = []
    for (const { expr } of rules) {
      const age = ageQuery({ promql: expr, maxAge: 120_000, traffic })
      for (const query of [expr, ...(age === undefined ? [] : [age])]) refused.push(...[await answers(query)].filter(text => text !== ''))
    }
    t.same(refused, [])
  })

  present = false
  await t.test('an application that is gone is neither well nor ill', async t => {
    const gone = queryOf({ promql: `(${BAD} or 0 * ${ALL}) / ${ALL}`, failWhen: '> 5%' })
    await waitUntil(async () => (await ask(gone)).problem === 'stale', 'the series end')
    t.match(await ask(queryOf({ promql: `${BAD} or vector(0)`, failWhen: '> 0.5', traffic })), { verdict: 'inconclusive' })
    t.match(await ask(queryOf({ promql: 'absent(up{job="gone"})', failWhen: '== 1', traffic })), { verdict: 'inconclusive' })
    const several = 'sum(last_over_time({__name__=~"queue_depth|backlog_depth", ns="shop"}[1m]))'
    t.match(await ask({ ...gone, promql: several }), { problem: 'stale' })
  })
})
