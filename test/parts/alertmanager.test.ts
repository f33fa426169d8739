import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import type { Message } from '../../src/domain/message.ts'
import { alertmanagerChannel } from '../../src/notify/alertmanager-channel.ts'
import { retryAt } from '../../src/notify/sender.ts'
import { webhookChannel } from '../../src/notify/webhook-channel.ts'
import { withBreaker } from '../../src/outgoing/breaker.ts'
import { createHttpClient } from '../../src/outgoing/http-client.ts'
import { systemClock } from '../../src/outgoing/system-clock.ts'
import { startAlertmanager } from '../../src/sandbox/monitoring.ts'
import { ALERTMANAGER, obtainPart } from '../../src/sandbox/real-parts.ts'
import { alertmanagerStates } from '../../src/verification/alert-states.ts'
import { parseAlertmanagerPayload } from '../../src/webhooks/alertmanager-payload.ts'
import { waitUntil } from '../support/world/world.ts'

const MESSAGE: Message = {
  key: 'run-1/denied/people',
  channel: 'people',
  subject: { kind: 'run', id: 'run-1' },
  event: 'needs-people',
  title: 'Deployment/shop/api: denied (storm)',
  text: 'why',
  severity: 'critical',
  runId: 'run-1',
  labels: { alertname: 'A', namespace: 'shop', pod: 'x' },
  details: { outcome: 'denied' }
}
const soon = () => AbortSignal.timeout(5_000)

t.test('a real Alertmanager: what it posts is understood, what Astern posts reaches people, silences are seen', async t => {
  const bodies: unknown[] = []
  const receiver = http.createServer((request, response) => {
    let text = ''
    request.on('data', (chunk: Buffer) => {
      text += chunk.toString()
    })
    request.on('end', () => {
      bodies.push(JSON.parse(text))
      response.writeHead(202).end()
    })
  })
  receiver.listen(0, '127.0.0.1')
  await once(receiver, 'listening')
  const address = receiver.address()
  const folder = mkdtempSync(join(tmpdir(), 'astern-alertmanager-'))
  const server = await startAlertmanager({
    program: await obtainPart(ALERTMANAGER, { variables: process.env }),
    folder,
    webhook: `http://127.0.0.1:${address === null || typeof address === 'string' ? 0 : address.port}/`
  })
  const client = createHttpClient()
  t.teardown(async () => {
    await server.stop()
    receiver.close()
    receiver.closeAllConnections()
    client.close()
    rmSync(folder, { recursive: true, force: true })
  })

  const channel = alertmanagerChannel({ url: server.url }, client, systemClock)
  t.same(await channel.send(MESSAGE, 1, soon()), { kind: 'delivered' })
  t.same(await channel.send(MESSAGE, 1, soon()), { kind: 'delivered' }, 'again: the same alert')
  await waitUntil(() => bodies.length > 0, 'the route tells the people')
  const payload = parseAlertmanagerPayload(bodies[0])
  if ('message' in payload) throw new Error(`${payload.path} ${payload.message}`)
  t.equal(payload.alerts.length, 1)
  t.match(payload.alerts[0], {
    status: 'firing',
    labels: { alertname: 'AsternNeedsPeople', namespace: 'shop', severity: 'critical', astern_outcome: 'denied', astern_alertname: 'A' }
  })
  t.equal(payload.alerts[0]?.labels['pod'], undefined, 'only labels that routes go by')
  t.equal(payload.alerts[0]?.endsAt, undefined)

  const states = alertmanagerStates(server.url, withBreaker(client, { name: 'alertmanager' }))
  const labels = payload.alerts[0]?.labels ?? {}
  t.same(await states.stateOf(labels, soon()), { kind: 'known', silencedBy: [], inhibitedBy: [] })
  t.same(await states.stateOf({ alertname: 'Other' }, soon()), { kind: 'absent' })
  const silence = await fetch(`${server.url}/api/v2/silences`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      matchers: [{ name: 'alertname', value: 'AsternNeedsPeople', isRegex: false, isEqual: true }],
      startsAt: new Date().toISOString(),
      endsAt: new Date(Date.now() + 60_000).toISOString(),
      createdBy: 't',
      comment: 'c'
    })
  })
  const { silenceID } = (await silence.json()) as { silenceID: string }
  await waitUntil(async () => {
    const state = await states.stateOf(labels, soon())
    return state.kind === 'known' && state.silencedBy.includes(silenceID)
  }, 'the silence is seen')

  await server.stop()
  t.match(await channel.send(MESSAGE, 1, soon()), { kind: 'failed' })
  t.match(await states.stateOf(labels, soon()), { kind: 'unreachable' }, 'cannot be asked is not "not silenced"')
})

t.test('the webhook channel: JSON, an idempotency key, a signature over the body', async t => {
  const seen: { headers: http.IncomingHttpHeaders; body: string }[] = []
  let status = 204
  const receiver = http.createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString()
    })
    request.on('end', () => {
      seen.push({ headers: request.headers, body })
      response.writeHead(status).end()
    })
  })
  receiver.listen(0, '127.0.0.1')
  await once(receiver, 'listening')
  const client = createHttpClient()
  t.teardown(() => {
    client.close()
    receiver.close()
    receiver.closeAllConnections()
  })
  const address = receiver.address()
  const folder = mkdtempSync(join(tmpdir(), 'astern-webhook-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  writeFileSync(join(folder, 'key'), 's3cret\n')
  const channel = webhookChannel(
    {
      url: `http://127.0.0.1:${address === null || typeof address === 'string' ? 0 : address.port}/x`,
      secretFile: join(folder, 'key')
    },
    client,
    systemClock
  )

  t.same(await channel.send(MESSAGE, 1, soon()), { kind: 'delivered' })
  const [first] = seen
  t.equal(first?.headers['idempotency-key'], MESSAGE.key)
  t.equal(
    first?.headers['x-astern-signature'],
    `v1=${createHmac('sha256', 's3cret')
      .update(`${String(first?.headers['x-astern-timestamp'])}.${first?.body}`)
      .digest('hex')}`
  )
  t.match(JSON.parse(first?.body ?? '{}'), { version: 1, event: 'needs-people', key: MESSAGE.key })
  t.notMatch(first?.body, /s3cret/)
  await channel.send(MESSAGE, 2, soon())
  t.equal(seen[1]?.headers['idempotency-key'], `${MESSAGE.key}/2`, 'an update is told apart')
  status = 500
  t.match(await channel.send(MESSAGE, 1, soon()), { kind: 'failed', detail: 'answered 500' })
  const plain = webhookChannel({ url: 'http://example.org/' }, client, systemClock)
  t.match(await plain.send(MESSAGE, 1, soon()), { kind: 'refused' }, 'never in plain text over the network')
})

t.test('back-off doubles, up to five minutes, for ever', async t => {
  t.same(
    [0, 1, 2, 3, 8, 9, 1_000].map(attempts => retryAt(attempts, 0) / 1_000),
    [1, 2, 4, 8, 256, 300, 300]
  )
})
