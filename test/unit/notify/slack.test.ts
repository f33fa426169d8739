import t, { type Test } from 'tap'
import { type JsonObject, listAt, textAt } from '../../../src/base/json.ts'
import type { Message } from '../../../src/domain/message.ts'
import { slack } from '../../../src/notify/slack/slack.ts'
import { createHttpClient } from '../../../src/outgoing/http-client.ts'
import { channelTools, MESSAGE } from '../../support/channel-tools.ts'
import { slackImitation } from '../../support/people-imitation.ts'

const soon = () => AbortSignal.timeout(5_000)

async function scene(t: Test, settings: (origin: string) => JsonObject) {
  const server = await slackImitation(t)
  const http = createHttpClient()
  t.teardown(() => http.close())
  const readFile = async (path: string) => (path === '/url' ? `${server.origin}/services/T0/B0/x` : 'xoxb-token')
  const tools = channelTools({ http, readFile, origin: { clusterName: 'prod', externalUrl: 'https://astern.example.org/' } })
  return { server, channel: slack.open(settings(server.origin), tools) }
}
const asBot = (t: Test) => scene(t, apiUrl => ({ tokenFile: '/token', channel: '#api-incidents', apiUrl }))
const asWebhook = (t: Test) => scene(t, () => ({ webhookUrlFile: '/url' }))

const ACTED: Message = { ...MESSAGE, event: 'acted', details: { ...MESSAGE.details, outcome: 'acted', reverse: 'kubectl rollout undo' } }
const OVER: Message = { ...MESSAGE, event: 'over', severity: 'info' }

t.test('a bot: one thread an affair, whose first message is changed by the id that the first answer gave', async t => {
  const { server, channel } = await asBot(t)
  const begun = await channel.send(ACTED, { revision: 1 }, soon())
  t.same(begun, { kind: 'delivered', remember: { channel: 'C0INCIDENTS', ts: '1764338400.000001', called: false } })
  const memory = begun.kind === 'delivered' ? begun.remember : undefined
  const handed = await channel.send(MESSAGE, { revision: 1, ...(memory === undefined ? {} : { memory }) }, soon())
  t.match(handed, { kind: 'delivered', remember: { ts: '1764338400.000001', called: true } })
  await channel.send(OVER, { revision: 1, memory: { channel: 'C0INCIDENTS', ts: '1764338400.000001', called: true } }, soon())
  t.same(
    server.seen.map(({ path, body }) => [path, body['ts'] ?? body['thread_ts'] ?? '', body['reply_broadcast'] === true]),
    [
      ['/chat.postMessage', '', false],
      ['/chat.update', '1764338400.000001', false],
      ['/chat.postMessage', '1764338400.000001', true],
      ['/chat.update', '1764338400.000001', false],
      ['/chat.postMessage', '1764338400.000001', false]
    ],
    'the first call for people is shown to the whole channel'
  )
  t.match(server.texts.get('1764338400.000001'), { text: /^✅/ }, 'the first message shows how the affair stands')
})

t.test('a channel is named by its id or by its name', async t => {
  for (const name of ['C0INCIDENTS', '#api-incidents']) {
    const { server, channel } = await scene(t, apiUrl => ({ tokenFile: '/token', channel: name, apiUrl }))
    t.match(await channel.send(MESSAGE, { revision: 1 }, soon()), { kind: 'delivered', remember: { channel: 'C0INCIDENTS' } })
    t.equal(server.seen[0]?.body['channel'], name)
  }
  const wrong = await scene(t, apiUrl => ({ tokenFile: '/token', channel: 'C0OTHER', apiUrl }))
  t.match(await wrong.channel.send(MESSAGE, { revision: 1 }, soon()), { kind: 'failed', detail: 'Slack: channel_not_found' })
})

t.test('buttons stand below the first message alone, which is changed when they must go; without `answers` there are none', async t => {
  const { server, channel } = await scene(t, apiUrl => ({
    ...{ tokenFile: '/token', channel: '#api-incidents', apiUrl },
    answers: { appTokenFile: '/app-token' }
  }))
  const memory = { channel: 'C0INCIDENTS', ts: '1764338400.000001', called: false }
  await channel.send(ACTED, { revision: 1 }, soon())
  await channel.send(MESSAGE, { revision: 1, memory }, soon())
  await channel.send(OVER, { revision: 1, memory }, soon())
  t.same(
    server.seen.map(({ path, body }) => [path, listAt(body, 'blocks').filter(block => textAt(block, 'type') === 'actions').length]),
    [
      ['/chat.postMessage', 1],
      ['/chat.update', 1],
      ['/chat.postMessage', 0],
      ['/chat.update', 0],
      ['/chat.postMessage', 0]
    ]
  )
  const { server: other, channel: plain } = await asBot(t)
  await plain.send(ACTED, { revision: 1 }, soon())
  t.notMatch(JSON.stringify(other.seen), /astern\.take/)
})

t.test('what only changes a message adds nothing to the thread', async t => {
  const { server, channel } = await asBot(t)
  await channel.send(MESSAGE, { revision: 1 }, soon())
  await channel.send({ ...MESSAGE, event: 'update' }, { revision: 2, memory: { channel: 'C0INCIDENTS', ts: '1764338400.000001' } }, soon())
  t.same(
    server.seen.map(({ path }) => path),
    ['/chat.postMessage', '/chat.update']
  )
})

t.test('a first message that somebody deleted is written anew, and one that is fixed stays', async t => {
  const { server, channel } = await asBot(t)
  const gone = await channel.send(OVER, { revision: 1, memory: { channel: 'C0INCIDENTS', ts: '1.0' } }, soon())
  t.match(gone, { kind: 'delivered', remember: { ts: '1764338400.000001' } })
  server.next.push({ body: '{"ok":false,"error":"edit_window_closed"}' })
  t.match(await channel.send(OVER, { revision: 1, memory: { channel: 'C0INCIDENTS', ts: '1764338400.000001' } }, soon()), {
    kind: 'delivered'
  })
  t.match(server.seen.at(-1)?.body, { thread_ts: '1764338400.000001' })
})

// Reported of others: 429 taken for final, or tried again at once.
t.test('patience is asked for by 429 and by an error; a 200 that is no success is none', async t => {
  const { server, channel } = await asBot(t)
  server.next.push({ status: 429, headers: { 'retry-after': '7' } })
  t.match(await channel.send(MESSAGE, { revision: 1 }, soon()), { kind: 'failed', retryAfterMs: 7_000 })
  server.next.push({ body: '{"ok":false,"error":"ratelimited"}' })
  t.match(await channel.send(MESSAGE, { revision: 1 }, soon()), { kind: 'failed', retryAfterMs: 30_000 })
  for (const error of ['not_in_channel', 'invalid_auth', 'internal_error']) {
    server.next.push({ body: JSON.stringify({ ok: false, error }) })
    t.same(
      await channel.send(MESSAGE, { revision: 1 }, soon()),
      { kind: 'failed', detail: `Slack: ${error}` },
      'people mend it, and nothing is lost'
    )
  }
  server.next.push({ cut: true })
  t.match(await channel.send(MESSAGE, { revision: 1 }, soon()), { kind: 'failed' })
})

// Reported of others: one long error text, and Slack refused the whole message, so that nobody heard of the failure.
t.test('however long or odd the alert, the message is within Slack’s limits, and what Slack does not take is sent as text', async t => {
  const { server, channel } = await asBot(t)
  const long = '𝛼<!channel>'.repeat(20_000)
  const labels = { alertname: long, namespace: long }
  const monster: Message = {
    ...MESSAGE,
    title: long,
    text: long,
    labels,
    details: {
      ...MESSAGE.details,
      target: long,
      policy: long,
      reverse: long,
      repair: `kubectl ${'`'.repeat(900)}`,
      targets: Array(500).fill(long)
    }
  }
  t.match(await channel.send(monster, { revision: 1 }, soon()), { kind: 'delivered' })
  t.equal(server.seen.length, 1, 'at once')
  const record = /https:\/\/astern\.example\.org\/api\/v1\/runs\/run-1\|Astern’s record/
  t.match(JSON.stringify(server.seen[0]?.body['blocks']), record, 'what is cut is behind a link')
  server.next.push({ body: '{"ok":false,"error":"invalid_blocks"}' })
  t.match(await channel.send(MESSAGE, { revision: 1 }, soon()), { kind: 'delivered' })
  t.match(server.seen.at(-1)?.body, { blocks: [], text: record })
  server.next.push({ body: '{"ok":false,"error":"invalid_blocks"}' }, { body: '{"ok":false,"error":"msg_too_long"}' })
  t.match(await channel.send(MESSAGE, { revision: 1 }, soon()), { kind: 'refused', detail: 'Slack: msg_too_long' })
})

t.test('an alert mentions nobody, forges no link and leaves no code block', async t => {
  const { server, channel } = await asBot(t)
  const evil = '<!channel> <@U1> <https://evil.example|Runbook> ```\n*bold* @here\u202e'
  const details = {
    ...MESSAGE.details,
    target: evil,
    reverse: `kubectl ${evil}`,
    alert: { generatorURL: 'https://p/<!here>|x', runbook: 'javascript:alert(1)' }
  }
  await channel.send({ ...MESSAGE, title: evil, text: evil, labels: { alertname: evil }, details }, { revision: 1 }, soon())
  const body = server.seen[0]?.body ?? {}
  const parsed = [textAt(body, 'text') ?? '', ...mrkdwnOf(body)]
  for (const text of parsed) t.notMatch(text.replaceAll(/<https:\/\/(astern\.example\.org|p)\/[^<>|]*\|[^<>|]+>/g, ''), /[<>]/, text)
  t.notMatch(JSON.stringify(body), /javascript:|\u202e/)
  t.match(body, { link_names: false, parse: 'none' })
  t.equal(
    mrkdwnOf(body)
      .find(text => text.includes('kubectl'))
      ?.split('```').length,
    3,
    'one code block'
  )
})

function mrkdwnOf(body: JsonObject): readonly string[] {
  const texts = listAt(body, 'blocks').flatMap(block => [block, ...listAt(block, 'elements').map(text => ({ text }))])
  return texts.flatMap(block => (textAt(block, 'text', 'type') === 'mrkdwn' ? (textAt(block, 'text', 'text') ?? '') : []))
}

t.test('an incoming webhook: each message for itself, and none that only changes another', async t => {
  const { server, channel } = await asWebhook(t)
  for (const message of [ACTED, { ...MESSAGE, event: 'update' } as const, MESSAGE, OVER])
    t.same(await channel.send(message, { revision: 1 }, soon()), { kind: 'delivered' })
  t.equal(server.seen.length, 3)
  server.next.push({ status: 400, body: 'invalid_blocks' })
  t.match(await channel.send(MESSAGE, { revision: 1 }, soon()), { kind: 'delivered' })
  t.notOk('blocks' in (server.seen.at(-1)?.body ?? {}))
  server.next.push({ status: 429, headers: { 'retry-after': '3' } })
  t.match(await channel.send(MESSAGE, { revision: 1 }, soon()), { kind: 'failed', retryAfterMs: 3_000 })
  server.next.push({ status: 404, body: 'no_service' })
  t.match(await channel.send(MESSAGE, { revision: 1 }, soon()), { kind: 'failed', detail: 'answered 404 no_service' })
})

t.test('a bot or a webhook, and what belongs to it', async t => {
  const at = (settings: JsonObject) => slack.check(settings).map(({ path, message }) => [path.join('.'), message])
  t.same(at({ webhookUrlFile: '/u' }), [])
  t.same(at({ tokenFile: '/t', channel: 'C1' }), [])
  t.match(at({}), [['', /needs webhookUrlFile or tokenFile/]])
  t.match(at({ webhookUrlFile: '/u', tokenFile: '/t', channel: 'C1' }), [['', /not both/]])
  t.match(at({ tokenFile: '/t' }), [['', /needs channel/]])
  t.match(at({ webhookUrlFile: '/u', channel: 'C1' }), [['channel', /belongs to a bot/]])
  t.match(at({ webhookUrlFile: '/u', apiUrl: 'https://x' }), [['apiUrl', /belongs to a bot/]])
  t.match(at({ tokenFile: '/t', channel: 'C1', apiUrl: 'http://example.org' }), [['apiUrl', /https/]])
})
