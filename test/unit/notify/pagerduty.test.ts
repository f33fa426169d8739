import t, { type Test } from 'tap'
import { withHandOver } from '../../../src/domain/hand-over.ts'
import type { Message, MessageEvent } from '../../../src/domain/message.ts'
import { recipients } from '../../../src/domain/recipients.ts'
import { type ChannelStore, createChannels } from '../../../src/notify/channels.ts'
import { dedupKey, pagerduty } from '../../../src/notify/pagerduty/pagerduty.ts'
import { createHttpClient } from '../../../src/outgoing/http-client.ts'
import { channelTools, MESSAGE } from '../../support/channel-tools.ts'
import { pagerdutyImitation } from '../../support/people-imitation.ts'

const soon = () => AbortSignal.timeout(5_000)
const ACTED: Message = { ...MESSAGE, event: 'acted' }
const OVER: Message = { ...MESSAGE, event: 'over', severity: 'info' }
const TRIGGERED = { revision: 1, memory: { triggered: true } }

async function scene(t: Test, more: { readonly changeEvents?: boolean } = {}) {
  const server = await pagerdutyImitation(t)
  const http = createHttpClient()
  t.teardown(() => http.close())
  const tools = channelTools({ http, readFile: async () => 'k'.repeat(32), origin: { externalUrl: 'https://astern.example.org' } })
  return { server, channel: pagerduty.open({ routingKeyFile: '/key', url: server.origin, ...more }, tools) }
}

t.test('people are paged when the affair is handed over, once, and the page is resolved when it is over', async t => {
  const { server, channel } = await scene(t)
  t.same(await channel.send(MESSAGE, { revision: 1 }, soon()), { kind: 'delivered', remember: { triggered: true } })
  await channel.send({ ...MESSAGE, event: 'update', title: 'more' }, TRIGGERED, soon())
  await channel.send(MESSAGE, TRIGGERED, soon())
  t.same(server.notified, ['astern/run/run-1'], 'a repetition and an update page nobody')
  t.same(await channel.send(OVER, TRIGGERED, soon()), { kind: 'delivered', remember: { triggered: false } })
  t.same([...server.open], [])
  t.notOk(
    server.seen.some(({ body }) => body['event_action'] === 'acknowledge'),
    'that would stop the escalation to people'
  )
  t.match(server.seen.at(-1)?.body, { payload: { summary: MESSAGE.title, component: 'Deployment/shop/api', group: 'shop', class: 'A' } })
  await channel.send(MESSAGE, { revision: 1, memory: { triggered: false } }, soon())
  t.same(server.notified, ['astern/run/run-1', 'astern/run/run-1'], 'back: a new incident')
})

t.test('once somebody has it nothing is sent but the end: it pages nobody, opens nothing anew, and is never acknowledged', async t => {
  const { server, channel } = await scene(t)
  const update: Message = withHandOver({ ...MESSAGE, event: 'update' }, { by: 'Ada', via: 'slack', at: 0 })
  t.match(await channel.send(update, { revision: 1 }, soon()), { kind: 'delivered' })
  t.match(await channel.send(update, TRIGGERED, soon()), { kind: 'delivered' })
  t.same(server.seen, [])
  await channel.send(withHandOver(OVER, { by: 'Ada', via: 'slack', at: 0 }), TRIGGERED, soon())
  t.match(server.seen, [{ body: { event_action: 'resolve' } }])
})

t.test('a connection that breaks after sending doubles nothing', async t => {
  const { server, channel } = await scene(t)
  server.open.add('astern/run/run-1')
  server.next.push({ cut: true })
  t.match(await channel.send(MESSAGE, { revision: 1 }, soon()), { kind: 'failed' })
  t.match(await channel.send(MESSAGE, { revision: 1 }, soon()), { kind: 'delivered' })
  t.same(server.notified, [])
})

t.test('a write is a change event, which pages nobody and leaves nothing to resolve', async t => {
  const named: ChannelStore = createChannels([pagerduty], channelTools())
  named.follow({ pager: { kind: 'pagerduty', settings: { routingKeyFile: '/key' } } })
  const made = (event: MessageEvent): unknown => recipients(named, ['pager'], event, () => MESSAGE)[0]?.apart
  t.same([made('acted'), made('needs-people')], [true, undefined], 'and a change event that nobody takes holds up no page')
  const { server, channel } = await scene(t)
  t.same(await channel.send(ACTED, { revision: 1 }, soon()), { kind: 'delivered' })
  t.equal(server.seen[0]?.path, '/v2/change/enqueue')
  t.same(await channel.send(OVER, { revision: 1 }, soon()), { kind: 'delivered' })
  t.equal(server.seen.length, 1)
  const without = await scene(t, { changeEvents: false })
  t.same(await without.channel.send(ACTED, { revision: 1 }, soon()), { kind: 'delivered' })
  t.equal(without.server.seen.length, 0)
})

// Reported of others: summaries over 1,024 characters, cut in the middle of a character, and events over 512 kB were refused whole.
t.test('whatever the alert says, the event is within PagerDuty’s limits', async t => {
  const { server, channel } = await scene(t)
  const long = '𝛼é'.repeat(40_000)
  const monster: Message = { ...MESSAGE, title: long, text: long, details: { ...MESSAGE.details, targets: Array(10).fill(long) } }
  t.match(await channel.send(monster, { revision: 1 }, soon()), { kind: 'delivered' })
  const sent = JSON.stringify(server.seen[0]?.body)
  t.notMatch(sent, /\\ud[89ab]/i, 'no character is cut in two')
  const id = 'i'.repeat(400)
  t.ok(dedupKey({ subject: { kind: 'run', id } }).length <= 255)
  t.not(dedupKey({ subject: { kind: 'run', id } }), dedupKey({ subject: { kind: 'run', id: `${id}x` } }))
})

t.test('429 is waited for as it says, or a minute; 400 is final', async t => {
  const { server, channel } = await scene(t)
  server.next.push(
    { status: 429 },
    { status: 429, headers: { 'retry-after': '90' } },
    { status: 400, body: 'invalid event' },
    { status: 502 }
  )
  const sent = () => channel.send(MESSAGE, { revision: 1 }, soon())
  t.match(await sent(), { kind: 'failed', retryAfterMs: 60_000 })
  t.match(await sent(), { kind: 'failed', retryAfterMs: 90_000 })
  t.match(await sent(), { kind: 'refused', detail: /invalid event/ })
  t.match(await sent(), { kind: 'failed' })
})

t.test('its URL is https', async t => {
  t.same(pagerduty.check({ routingKeyFile: '/k' }), [])
  t.same(pagerduty.check({ routingKeyFile: '/k', url: 'https://events.eu.pagerduty.com' }), [])
  t.match(pagerduty.check({ routingKeyFile: '/k', url: 'http://example.org' }), [{ path: ['url'] }])
})
