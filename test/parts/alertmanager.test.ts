import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import http from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { alertmanager } from '../../src/notify/alertmanager/alertmanager.ts'
import { withBreaker } from '../../src/outgoing/breaker.ts'
import { createHttpClient } from '../../src/outgoing/http-client.ts'
import { systemClock } from '../../src/outgoing/system-clock.ts'
import { startAlertmanager } from '../../src/sandbox/monitoring.ts'
import { ALERTMANAGER, obtainPart } from '../../src/sandbox/real-parts.ts'
import { alertmanagerStates } from '../../src/verification/alert-states.ts'
import { parseAlertmanagerPayload } from '../../src/webhooks/alertmanager-payload.ts'
import { channelTools, MESSAGE } from '../support/channel-tools.ts'
import { waitUntil } from '../support/world/world.ts'

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

  const channel = alertmanager.open({ url: server.url }, channelTools({ http: client, clock: systemClock }))
  const posted = await channel.send(MESSAGE, { revision: 1 }, soon())
  t.match(posted, { kind: 'delivered', remember: { alerts: [{ astern_message: MESSAGE.key }] } })
  t.same(await channel.send(MESSAGE, { revision: 1 }, soon()), posted, 'again: the same alert')
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

  const states = alertmanagerStates({ url: server.url, client: withBreaker(client, { name: 'alertmanager' }) })
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
  t.match(
    await states.stateOf({ ...labels, more: 'x' }, soon()),
    { kind: 'absent', lesser: { silencedBy: [silenceID] } },
    'one label more does not get past it'
  )

  const odd = { alertname: 'Odd name', path: 'a\tb', quote: '"\\\n,{}', umlaut: 'é' }
  await fetch(`${server.url}/api/v2/alerts`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify([{ labels: odd }, { labels: { ...odd, path: 'other' } }])
  })
  await waitUntil(async () => (await states.stateOf(odd, soon())).kind === 'known', 'a value that no filter could carry is found')
  t.same(
    await states.stateOf({ ...odd, more: 'x' }, soon()),
    { kind: 'absent', lesser: { silencedBy: [], inhibitedBy: [] } },
    'one label more is another alert'
  )
  const oddName = { alertname: 'tab\t"quo\\te" {é.', path: 'x' }
  await fetch(`${server.url}/api/v2/alerts`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify([{ labels: oddName }])
  })
  await waitUntil(async () => (await states.stateOf(oddName, soon())).kind === 'known', 'a name that no filter could carry is found')
  t.same(await states.stateOf({ alertname: odd.alertname }, soon()), { kind: 'absent' }, 'and so is one with fewer')

  const memory = posted.kind === 'delivered' ? (posted.remember ?? {}) : {}
  t.match(await channel.send({ ...MESSAGE, event: 'over' }, { revision: 1, memory }, soon()), { kind: 'delivered' })
  await waitUntil(async () => (await states.stateOf(labels, soon())).kind === 'absent', 'the alert ends when the affair is over')

  await server.stop()
  t.match(await channel.send(MESSAGE, { revision: 1 }, soon()), { kind: 'failed' })
  t.match(await states.stateOf(labels, soon()), { kind: 'unreachable' }, 'cannot be asked is not "not silenced"')
})
