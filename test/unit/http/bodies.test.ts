import { once } from 'node:events'
import { type ClientRequest, type IncomingMessage, request } from 'node:http'
import t, { type Test } from 'tap'
import { firing, payload } from '../../support/alertmanager-payloads.ts'
import { type Caller, open, type ServerFixture, TOKENS } from '../../support/server-fixture.ts'

const LARGEST = 10 * 1024 * 1024

interface Begun {
  readonly request: ClientRequest
  /** The status of the answer. */
  readonly answered: Promise<number>
}

/** Begins a request, and leaves its body unsent. */
function begin(t: Test, { app }: ServerFixture, path: string, options: { readonly as?: Caller; readonly bytes?: number }): Begun {
  const { as = 'webhook', bytes } = options
  const begun = request(new URL(path, app.address), {
    method: 'POST',
    headers: {
      authorization: `Bearer ${TOKENS[as]}`,
      'content-type': 'application/json',
      ...(bytes === undefined ? { 'transfer-encoding': 'chunked' } : { 'content-length': bytes })
    }
  })
  begun.flushHeaders()
  // The server closes the connection of a body that it does not read.
  begun.on('error', () => {})
  t.teardown(() => begun.destroy())
  return { request: begun, answered: answerOf(begun) }
}

/** The status of the answer; 0 where the connection ended without one. */
async function answerOf(begun: ClientRequest): Promise<number> {
  try {
    const [answer]: IncomingMessage[] = await once(begun, 'response')
    return answer?.statusCode ?? 0
  } catch {
    return 0
  }
}

t.test('bodies in flight are bounded: more is 503, other callers find room, and what is over gives its room back', async t => {
  const fixture = await open(t)
  const small = () => fixture.call('POST', '/webhooks/alertmanager', { as: 'webhook', body: payload([firing()]) })
  t.equal((await small()).status, 202)

  const held = [1, 2].map(() => begin(t, fixture, '/webhooks/alertmanager', { bytes: LARGEST }))
  t.equal(await begin(t, fixture, '/webhooks/alertmanager', { bytes: LARGEST }).answered, 503)
  t.equal(await begin(t, fixture, '/webhooks/alertmanager', {}).answered, 503, 'one that does not say its length counts as the longest')
  t.equal((await small()).status, 202, 'there is room for a small one')
  const asked = await fixture.call('POST', '/api/v1/policies/explain', { as: 'viewer', body: { labels: { alertname: 'A' } } })
  t.equal(asked.status, 200, 'another caller is not held up')
  t.match((await fixture.call('GET', '/metrics')).text, /astern_deliveries_refused_total\{why="unavailable"\} 2/)
  t.match(
    fixture.lines().filter(line => line['status'] === 503),
    [{ reason: /“the-webhook” have more in flight than can be held/ }]
  )

  for (const { request: one } of held) {
    const gone = new Promise<void>(resolve => one.once('close', () => resolve()))
    one.destroy()
    await gone
  }
  // The server hears of it a moment later; until then it may close the connection before all is sent.
  let status = 503
  while (status === 503 || status === 0) {
    const again = begin(t, fixture, '/webhooks/alertmanager', { bytes: LARGEST })
    again.request.end(JSON.stringify(payload([firing()])).padEnd(LARGEST))
    status = await again.answered
  }
  t.equal(status, 202)
})

t.test('where there is no route, no body is read: nobody needs a token to ask there', async t => {
  const fixture = await open(t)
  t.equal(await begin(t, fixture, '/nothing/here', { bytes: 1_000_000 }).answered, 404)
  t.equal(await begin(t, fixture, '/nothing/here', {}).answered, 404)
})

t.test('an alert that people ask about has the same limits as one that a sender posts', async t => {
  const fixture = await open(t)
  const labels = { alertname: 'A', value: '('.repeat(5_000) }
  for (const [path, body] of [
    ['/api/v1/policies/explain', { labels }],
    ['/api/v1/dry-runs', { alert: { labels } }],
    ['/api/v1/runs', { alert: { labels } }]
  ] as const) {
    const answer = await fixture.call('POST', path, { body })
    t.equal(answer.status, 400, path)
    t.match(answer.body, { detail: /label-value-bytes: 4096/ })
  }
})
