import { once } from 'node:events'
import http from 'node:http'
import t, { type Test } from 'tap'
import type { RenderedQuery } from '../../../src/domain/ports/verifier.ts'
import { combine, type QuerySample } from '../../../src/domain/verdict.ts'
import { withBreaker } from '../../../src/outgoing/breaker.ts'
import { createClockOffset } from '../../../src/outgoing/clock-offset.ts'
import { createHttpClient } from '../../../src/outgoing/http-client.ts'
import { createPrometheus } from '../../../src/verification/prometheus.ts'

type Answer = (query: string, response: http.ServerResponse) => void

const json =
  (body: unknown, status = 200): Answer =>
  (_query, response) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
const vector = (value: string, more: object = {}): Answer =>
  json({ status: 'success', data: { resultType: 'vector', result: [{ metric: {}, value: [1, value] }] }, ...more })

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

/** A loopback source that answers as it is told: what a real one cannot be made to say on request. */
async function source(t: Test, answers: { readonly main: Answer; readonly age?: Answer; readonly traffic?: Answer }, timeoutMs = 2_000) {
  const asked: string[] = []
  const server = http.createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString()
    })
    request.on('end', () => {
      const query = new URLSearchParams(body).get('query') ?? ''
      asked.push(query)
      if (query.startsWith('time()')) (answers.age ?? vector('3'))(query, response)
      else if (query === 'traffic') (answers.traffic ?? vector('10'))(query, response)
      else answers.main(query, response)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = createHttpClient()
  t.teardown(() => {
    client.close()
    server.close()
    server.closeAllConnections()
  })
  const address = server.address()
  const port = address === null || typeof address === 'string' ? 0 : address.port
  const offset = createClockOffset(Date.now)
  const prometheus = createPrometheus({
    url: `http://127.0.0.1:${port}/`,
    client: withBreaker(client, { name: 'prometheus' }),
    offset,
    now: Date.now,
    timeoutMs
  })
  return {
    asked,
    server,
    sample: (query: Partial<RenderedQuery> = {}) => prometheus.sample([{ ...QUERY, ...query }], Date.now(), AbortSignal.timeout(10_000)),
    prometheus
  }
}

t.test('each answer has its verdict, and nothing that is unclear passes or fails', async t => {
  const cases: readonly (readonly [string, Answer, string, string?])[] = [
    ['above the threshold', vector('0.4'), 'fail'],
    ['below', vector('0.01'), 'pass'],
    ['zero is a number', vector('0'), 'pass'],
    ['exponent', vector('1e+06'), 'fail'],
    ['scalar', json({ status: 'success', data: { resultType: 'scalar', result: [1, '0.4'] } }), 'fail'],
    ['infos are hints only', vector('0.4', { infos: ['PromQL info: metric might not be a counter'] }), 'fail'],
    ['empty', json({ status: 'success', data: { resultType: 'vector', result: [] } }), 'inconclusive', 'no-data'],
    ['NaN', vector('NaN'), 'inconclusive', 'not-a-number'],
    ['+Inf', vector('+Inf'), 'inconclusive', 'infinite'],
    ['-Inf', vector('-Inf'), 'inconclusive', 'infinite'],
    [
      'several series',
      json({
        status: 'success',
        data: {
          resultType: 'vector',
          result: [
            { metric: { a: '1' }, value: [1, '1'] },
            { metric: { a: '2' }, value: [1, '2'] }
          ]
        }
      }),
      'inconclusive',
      'many-series'
    ],
    [
      'native histogram',
      json({
        status: 'success',
        data: { resultType: 'vector', result: [{ metric: {}, histogram: [1, { count: '1', sum: '1', buckets: [] }] }] }
      }),
      'inconclusive',
      'histogram'
    ],
    ['matrix', json({ status: 'success', data: { resultType: 'matrix', result: [] } }), 'inconclusive', 'not-a-vector'],
    ['warnings', vector('0.4', { warnings: ['store is down'] }), 'inconclusive', 'warnings'],
    [
      'starting up',
      (_query, response) => response.writeHead(503, { 'content-type': 'text/plain' }).end('Service Unavailable'),
      'error',
      'not-ready'
    ],
    [
      'a login page',
      (_query, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'),
      'error',
      'malformed-answer'
    ],
    [
      'no JSON',
      (_query, response) => response.writeHead(200, { 'content-type': 'application/json' }).end('{'),
      'error',
      'malformed-answer'
    ],
    ['a value that is no number', vector('many'), 'error', 'malformed-answer'],
    ['bad query', json({ status: 'error', errorType: 'bad_data', error: 'parse error' }, 400), 'error', 'query-rejected'],
    ['many-to-many', json({ status: 'error', errorType: 'execution', error: 'many-to-many matching' }, 422), 'error', 'query-rejected'],
    ['timeout in the source', json({ status: 'error', errorType: 'timeout', error: 'query timed out' }, 503), 'error', 'deadline'],
    [
      'partial data with an error',
      json(
        { status: 'error', errorType: 'internal', error: 'x', data: { resultType: 'vector', result: [{ metric: {}, value: [1, '9'] }] } },
        500
      ),
      'error',
      'unreachable'
    ],
    ['a connection that breaks', (_query, response) => response.destroy(), 'error', 'unreachable'],
    ['no answer', () => {}, 'error', 'deadline']
  ]
  for (const [name, answer, verdict, problem] of cases) {
    await t.test(name, async t => {
      const { sample } = await source(t, { main: answer }, name === 'no answer' ? 200 : 2_000)
      const result = await sample()
      t.equal(result.verdict, verdict)
      t.equal(result.problem, problem)
    })
  }
})

t.test('little traffic, or none that is known, decides nothing', async t => {
  const traffic = { promql: 'traffic', atLeast: 1 }
  const low = await source(t, { main: vector('0.9'), traffic: vector('0.2') })
  t.match(await low.sample({ traffic }), { verdict: 'inconclusive', problem: 'low-traffic' })
  const none = await source(t, { main: vector('0.9'), traffic: json({ status: 'success', data: { resultType: 'vector', result: [] } }) })
  t.match(await none.sample({ traffic }), { verdict: 'inconclusive', problem: 'no-data' })
  const enough = await source(t, { main: vector('0.9'), traffic: vector('1') })
  t.match(await enough.sample({ traffic }), { verdict: 'fail' })
})

t.test('old samples decide nothing, though an instant query hides their age', async t => {
  const stale = await source(t, { main: vector('0.9'), age: vector('121') })
  t.match(await stale.sample(), { verdict: 'inconclusive', problem: 'stale' })
  const gone = await source(t, { main: vector('0.9'), age: json({ status: 'success', data: { resultType: 'vector', result: [] } }) })
  t.match(await gone.sample(), { verdict: 'inconclusive', problem: 'stale' })
  t.ok(gone.asked.includes('time() - max(timestamp(errors_total))'))
})

t.test('that Astern’s own question for the age is refused says nothing against the user’s query', async t => {
  const refused = json({ status: 'error', errorType: 'execution', error: 'vector cannot contain metrics with the same labelset' }, 422)
  const { sample } = await source(t, { main: vector('0.9'), age: refused })

  const result = await sample()

  t.match(result, { verdict: 'inconclusive', problem: 'stale' })
  t.match(result.queries[0]?.detail, /Astern’s own question was refused.*same labelset/)
})

t.test('a padded query without series of its own is as old as its traffic', async t => {
  const traffic = { promql: 'traffic', atLeast: 1 }
  const { sample, asked } = await source(t, { main: vector('0') })

  t.match(await sample({ promql: 'sum(rate(errors_total[5m])) or vector(0)', traffic }), { verdict: 'pass' })

  t.ok(asked.includes('time() - (max(timestamp(errors_total)) or max(timestamp(traffic)))'))
})

t.test('several queries agree, or decide nothing', async t => {
  const one = (verdict: QuerySample['verdict']): QuerySample => ({ query: 'q', promql: 'q', time: 0, verdict, tookMs: 0 })
  t.equal(combine([one('fail'), one('fail')]).verdict, 'fail')
  t.equal(combine([one('pass'), one('pass')]).verdict, 'pass')
  t.same(combine([one('fail'), one('pass')]), { verdict: 'inconclusive', problem: 'queries-disagree' })
  t.equal(combine([one('fail'), one('inconclusive')]).verdict, 'inconclusive')
  t.equal(combine([one('inconclusive'), one('error')]).verdict, 'error')
  t.equal(combine([]).verdict, 'inconclusive')
})

t.test('a source that keeps failing is left alone for a while, and is not an answer', async t => {
  let calls = 0
  const failing: Answer = (_query, response) => {
    calls += 1
    response.writeHead(500, { 'content-type': 'application/json' }).end('{"status":"error","errorType":"internal","error":"x"}')
  }
  const { sample } = await source(t, { main: failing, age: failing })
  let problem: string | undefined
  for (let index = 0; index < 12 && problem !== 'breaker-open'; index += 1) problem = (await sample()).problem
  t.equal(problem, 'breaker-open')
  const before = calls
  t.match(await sample(), { verdict: 'error', problem: 'breaker-open' })
  t.equal(calls, before, 'it was not asked')
})
