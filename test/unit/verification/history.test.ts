import { once } from 'node:events'
import http from 'node:http'
import t, { type Test } from 'tap'
import type { Span } from '../../../src/domain/history.ts'
import type { RenderedQuery } from '../../../src/domain/ports/verifier.ts'
import { withBreaker } from '../../../src/outgoing/breaker.ts'
import { createClockOffset } from '../../../src/outgoing/clock-offset.ts'
import { createHttpClient } from '../../../src/outgoing/http-client.ts'
import { createPrometheus } from '../../../src/verification/prometheus.ts'

const QUERY: RenderedQuery = {
  name: 'errors',
  promql: 'sum(rate(errors_total[2m]))',
  failWhen: { comparison: '>', value: 0.05 },
  window: 120_000,
  boundToPods: false,
  samples: 2,
  every: 15_000,
  maxAge: 60_000
}
const SPAN: Span = { from: 1_000_000, to: 1_060_000, step: 15_000 }
const INSTANTS = [1_000, 1_015, 1_030, 1_045, 1_060]

type Values = readonly (readonly [number, string])[]

/** Answers as a source does to a range query. */
const matrix = (series: readonly Values[], more: object = {}) => ({
  status: 'success',
  data: { resultType: 'matrix', result: series.map(values => ({ metric: {}, values })) },
  ...more
})
const every = (value: string): Values => INSTANTS.map(at => [at, value] as const)

interface Asked {
  readonly query: string
  readonly start: string
  readonly end: string
  readonly step: string
  readonly partial_response: string
  readonly nocache: string
}

/** A loopback source that answers each query as it is told, when it is told. */
async function source(t: Test, answer: (query: string) => unknown) {
  const asked: Asked[] = []
  const held: (() => void)[] = []
  let hold = false
  let atOnce = 0
  let most = 0
  const server = http.createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString()
    })
    request.on('end', () => {
      const form = Object.fromEntries(new URLSearchParams(body)) as unknown as Asked
      asked.push(form)
      atOnce += 1
      most = Math.max(most, atOnce)
      const send = (): void => {
        atOnce -= 1
        const text = JSON.stringify(answer(form.query))
        response.writeHead(text.includes('"execution"') ? 422 : 200, { 'content-type': 'application/json' }).end(text)
      }
      if (hold) held.push(send)
      else send()
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
  const prometheus = createPrometheus({
    url: `http://127.0.0.1:${address === null || typeof address === 'string' ? 0 : address.port}/`,
    client: withBreaker(client, { name: 'prometheus' }),
    offset: createClockOffset(Date.now),
    now: Date.now,
    timeoutMs: 5_000
  })
  return {
    asked,
    most: () => most,
    holds: () => {
      hold = true
    },
    release: async (): Promise<void> => {
      hold = false
      while (held.length > 0) {
        held.shift()?.()
        await new Promise(resolve => setImmediate(resolve))
      }
    },
    waiting: () => held.length,
    history: (query: Partial<RenderedQuery> = {}, span = SPAN, signal = AbortSignal.timeout(10_000)) =>
      prometheus.history([{ ...QUERY, ...query }], span, signal)
  }
}

const byQuery =
  (main: unknown, more: { readonly age?: unknown; readonly traffic?: unknown } = {}) =>
  (query: string): unknown =>
    query.startsWith('time()') ? (more.age ?? matrix([every('3')])) : query === 'traffic' ? (more.traffic ?? matrix([every('10')])) : main

t.test('each instant of the past is judged as a sample of the present is', async t => {
  const main: Values = [
    [1_000, '0.4'],
    [1_015, '0.01'],
    [1_030, 'NaN'],
    [1_060, '+Inf']
  ]
  const { history, asked } = await source(t, byQuery(matrix([main])))
  t.same(await history(), {
    kind: 'points',
    points: [
      { at: 1_000_000, verdict: 'fail' },
      { at: 1_015_000, verdict: 'pass' },
      { at: 1_030_000, verdict: 'inconclusive' },
      { at: 1_060_000, verdict: 'inconclusive' }
    ]
  })
  t.match(asked[0], { start: '1000.000', end: '1060.000', step: '15.000', partial_response: 'false', nocache: '1' })

  const thin = await source(t, byQuery(matrix([every('0.4')]), { traffic: matrix([[[1_000, '10'], ...every('0').slice(1)]]) }))
  const traffic = { promql: 'traffic', atLeast: 1 }
  const points = await thin.history({ traffic })
  t.same(points.kind === 'points' && points.points.map(point => point.verdict), ['fail', ...Array(4).fill('inconclusive')])

  const old = await source(t, byQuery(matrix([every('0.4')]), { age: matrix([every('90')]) }))
  const stale = await old.history()
  t.ok(stale.kind === 'points' && stale.points.every(point => point.verdict === 'inconclusive'), 'what an exporter said before it died')
})

t.test('two series at one instant decide nothing there, and a series that takes over from another does', async t => {
  const { history } = await source(
    t,
    byQuery(
      matrix([
        [
          [1_000, '0.4'],
          [1_015, '0.4']
        ],
        [
          [1_015, '0.4'],
          [1_030, '0.4']
        ]
      ])
    )
  )
  const past = await history()
  t.same(past.kind === 'points' && past.points.map(point => point.verdict), ['fail', 'inconclusive', 'fail'])
})

t.test('an answer with a warning, of another type, or none at all is no past', async t => {
  for (const [answer, problem] of [
    [matrix([every('0.4')], { warnings: ['a store is away'] }), 'warnings'],
    [{ status: 'success', data: { resultType: 'vector', result: [] } }, 'malformed-answer'],
    [{ status: 'error', errorType: 'internal', error: 'x' }, 'unreachable']
  ] as const) {
    const { history } = await source(t, byQuery(answer))
    t.match(await history(), { kind: 'unknown', problem })
  }
  const { history } = await source(t, byQuery(matrix([])))
  t.same(await history(), { kind: 'points', points: [] }, 'nothing there is an answer: nothing failed')
})

t.test('that Astern’s own question for the age of the past is refused says nothing against the user’s query', async t => {
  const refused = { status: 'error', errorType: 'execution', error: 'same labelset' }
  const { history } = await source(t, byQuery(matrix([every('0.4')]), { age: refused }))

  t.match(await history(), { kind: 'unknown', problem: 'stale', detail: /^errors: age of the newest sample: / })
})

t.test('what a source puts outside the span was not asked for', async t => {
  const { history } = await source(t, byQuery(matrix([[[985, '0.4'], ...every('0.01'), [1_075, '0.4']]])))
  const past = await history()
  t.ok(past.kind === 'points' && past.points.every(point => point.verdict === 'pass'))
})

t.test('the same question of several runs is asked once, and no more than four are asked at a time', async t => {
  const { history, asked, most, holds, release, waiting } = await source(t, byQuery(matrix([every('0.4')])))
  holds()
  const spans = Array.from({ length: 6 }, (_, index) => ({ ...SPAN, to: SPAN.to + index * 1_000 }))
  const all = Promise.all([...spans, ...spans].map(span => history({}, span)))
  while (waiting() < 4) await new Promise(resolve => setImmediate(resolve))
  // Whoever does not wait for a turn has arrived by now.
  for (let turn = 0; turn < 100; turn += 1) await new Promise(resolve => setImmediate(resolve))
  await release()

  const answers = await all

  t.equal(asked.length, 12, 'six spans, each with its query and the age of its data, though twelve asked')
  t.equal(most(), 4)
  t.ok(answers.every(answer => answer.kind === 'points'))
})

t.test('a run that stops waits no longer; the others get their answer', async t => {
  const { history, holds, release, waiting } = await source(t, byQuery(matrix([every('0.4')])))
  holds()
  const stopping = new AbortController()
  const one = history({}, SPAN, stopping.signal)
  const other = history()
  while (waiting() < 2) await new Promise(resolve => setImmediate(resolve))

  stopping.abort(new Error('Astern is stopping'))

  await t.rejects(one, { message: 'Astern is stopping' })
  await release()
  t.match(await other, { kind: 'points' })
})
