import t, { type Test } from 'tap'
import type { RenderedQuery } from '../../../src/domain/ports/verifier.ts'
import { withBreaker } from '../../../src/outgoing/breaker.ts'
import { createClockOffset } from '../../../src/outgoing/clock-offset.ts'
import { createHttpClient } from '../../../src/outgoing/http-client.ts'
import { alertmanagerStates } from '../../../src/verification/alert-states.ts'
import { createPrometheus } from '../../../src/verification/prometheus.ts'
import {
  type Dialect,
  json,
  NOTHINGS,
  oldVictoriaMetrics,
  prometheus253,
  REFUSALS,
  readOnly,
  startDialect,
  text,
  thanos,
  thanosReplicas,
  vectorOf,
  victoriaMetrics
} from '../../support/dialects.ts'

const QUERY: RenderedQuery = {
  name: 'errors',
  promql: 'sum(rate(errors_total[5m]))',
  failWhen: { comparison: '>', value: 0.05 },
  window: 300_000,
  boundToPods: false,
  samples: 1,
  every: 1_000,
  maxAge: 120_000
}
const SECRET = 'pa55w0rd-of-the-source'

async function asking(t: Test, dialect: Dialect) {
  const server = await startDialect(t, dialect)
  const client = createHttpClient(Date.now, said => said.replaceAll(SECRET, '[redacted]'))
  t.teardown(() => client.close())
  const guarded = withBreaker(client, { name: 'prometheus' })
  const offset = createClockOffset(Date.now)
  const prometheus = createPrometheus({ url: server.url, client: guarded, offset, now: Date.now, timeoutMs: 2_000 })
  const soon = () => AbortSignal.timeout(10_000)
  const now = Math.floor(Date.now() / 1_000) * 1_000
  return {
    asked: server.asked,
    sample: () => prometheus.sample([QUERY], now, soon()),
    past: () => prometheus.history([QUERY], { from: now - 10_000, to: now, step: 1_000 }, soon()),
    check: () => prometheus.check(soon()),
    silences: () => alertmanagerStates({ url: server.url, client: guarded }).stateOf({ alertname: 'A' }, soon())
  }
}

t.test('a part of the data is no data, and the whole is asked for', async t => {
  const cluster = await asking(t, victoriaMetrics)
  t.match(await cluster.sample(), { verdict: 'error', problem: 'not-ready', queries: [{ detail: /503: cannot fetch query results/ }] })
  t.match(await cluster.past(), { kind: 'unknown', problem: 'not-ready' })
  for (const { parameters } of cluster.asked)
    t.match(Object.fromEntries(parameters), {
      deny_partial_response: '1',
      partial_response: 'false',
      dedup: 'true',
      max_source_resolution: '0s',
      nocache: '1'
    })
  const old = await asking(t, oldVictoriaMetrics)
  t.match(await old.sample(), { verdict: 'inconclusive', problem: 'partial' })
  t.match(await old.past(), { kind: 'unknown', problem: 'partial' })
})

t.test('a store that is away is no fault of the query', async t => {
  const { sample, past } = await asking(t, thanos)
  t.match(await sample(), { verdict: 'error', problem: 'unreachable', queries: [{ detail: /rpc error/ }] })
  t.match(await past(), { kind: 'unknown', problem: 'unreachable' })
  const wrong = await asking(t, () => json({ status: 'error', errorType: 'execution', error: 'multiple matches for labels' }, 422))
  t.match(await wrong.sample(), { problem: 'query-rejected' }, 'and one that is, is one')
  const named =
    'found duplicate series for the match group {} on the right hand-side: [{__name__="replicas_unavailable", job="ingester"}, {job="EOF"}]'
  const duplicates = await asking(t, () => json({ status: 'error', errorType: 'execution', error: named }, 422))
  t.match(await duplicates.sample(), { problem: 'query-rejected' }, 'whatever its series are called')
  t.match(await (await asking(t, thanosReplicas)).sample(), { verdict: 'fail' }, 'replicas count once')
})

t.test('hints are no warnings, wherever they stand', async t => {
  const { sample, past } = await asking(t, prometheus253)
  t.match(await sample(), { verdict: 'fail' })
  t.match(await past(), { kind: 'points' })
  for (const warnings of [['PromQL info: x', 'PromQL warning: y'], ['1 more annotations omitted'], 'a text'])
    t.match(await (await asking(t, () => json({ ...vectorOf('0.4'), warnings }))).sample(), { problem: 'warnings' }, String(warnings))
  for (const warnings of [[], null])
    t.match(
      await (
        await asking(t, (_m, _p, q) => json({ ...vectorOf(q.get('query')?.startsWith('time') === true ? '3' : '0.4'), warnings }))
      ).sample(),
      { verdict: 'fail' }
    )
})

t.test('whatever a server writes for nothing is no data', async t => {
  for (const [name, data] of Object.entries(NOTHINGS)) {
    const written = JSON.stringify({ status: 'success', data })
    const { sample, past } = await asking(t, (_method, path) => ({
      status: 200,
      type: 'application/json',
      body: path.endsWith('/query_range') ? written.replace('vector', 'matrix') : written
    }))
    t.match(await sample(), { verdict: 'inconclusive', problem: 'no-data' }, name)
    t.same(await past(), { kind: 'points', points: [] }, name)
  }
  for (const [value, problem] of [
    ['nan', 'not-a-number'],
    ['inf', 'infinite'],
    ['-Infinity', 'infinite'],
    [null, 'not-a-number']
  ] as const)
    t.match(
      await (
        await asking(t, () => json({ status: 'success', data: { resultType: 'vector', result: [{ metric: {}, value: [1, value] }] } }))
      ).sample(),
      { verdict: 'inconclusive', problem },
      String(value)
    )
})

t.test('where a POST is refused, GET asks', async t => {
  for (const refusal of [text('method not allowed', 405), text('forbidden', 403), json({ message: 'not implemented' }, 501)]) {
    const { sample, past, check, asked } = await asking(t, readOnly(refusal))
    t.match(await sample(), { verdict: 'fail' }, String(refusal.status))
    t.match(await past(), { kind: 'points' })
    t.match(await check(), { reachable: true })
    const before = asked.length
    t.match(await sample(), { verdict: 'fail' })
    t.ok(
      asked.slice(before).every(({ method }) => method === 'GET'),
      'and goes on asking by GET'
    )
  }
  const storm = await asking(t, readOnly(text('not implemented', 501)))
  await Promise.all(Array.from({ length: 20 }, storm.sample))
  t.match(await storm.sample(), { verdict: 'fail' }, 'many refusals at once do not shut the source out')
  const { sample } = await asking(t, method => text(method === 'GET' ? 'you neither' : 'no such user', 403))
  t.match(await sample(), { verdict: 'error', queries: [{ detail: /403.*no such user/ }] }, 'a refusal of both is about who asks')
})

t.test('what an error says is told: its first line, without credentials', async t => {
  for (const [name, answer, line] of REFUSALS) {
    const { sample } = await asking(t, () => answer)
    t.match((await sample()).queries[0]?.detail, line, name)
  }
  const leaking = await asking(t, () => text(`user astern with ${SECRET} is unknown\nsecond line`, 401))
  const detail = (await leaking.sample()).queries[0]?.detail ?? ''
  t.match(detail, /user astern with \[redacted\] is unknown$/)
  t.match(await leaking.silences(), { kind: 'unreachable', detail: /answered 401 .*: user astern with \[redacted\] is unknown$/ })
})

t.test('the loopback servers answer as the real ones document it', async t => {
  const ask = async (dialect: Dialect, parameters: Readonly<Record<string, string>>): Promise<unknown> => {
    const { url } = await startDialect(t, dialect)
    const answer = await fetch(`${url}/api/v1/query?${new URLSearchParams({ query: 'up', ...parameters })}`)
    return { status: answer.status, body: await answer.json() }
  }
  const data = { resultType: 'vector', result: [{ value: [1_700_000_000, '0.4'] }] }
  t.match(await ask(victoriaMetrics, {}), { status: 200, body: { status: 'success', isPartial: true, data } })
  t.match(await ask(victoriaMetrics, { deny_partial_response: '1' }), { status: 503, body: { status: 'error', errorType: '503' } })
  t.match(await ask(thanos, {}), { status: 200, body: { status: 'success', data, warnings: [/StoreAPIs/] } })
  t.match(await ask(thanos, { partial_response: 'false' }), { status: 422, body: { status: 'error', errorType: 'execution' } })
  t.match(await ask(prometheus253, {}), { status: 200, body: { warnings: [/^PromQL info: /] } })
})
