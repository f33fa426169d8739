import t from 'tap'
import { createChannels, openChannels } from '../../../src/notify/channels.ts'
import { CHANNELS } from '../../../src/notify/registry.ts'
import { channelTools } from '../../support/channel-tools.ts'

const BOT = { bot: { kind: 'webhook', settings: { url: 'https://example.org' } } }
const PAGER = { pager: { kind: 'alertmanager', settings: { url: 'http://am:9093' } } }

t.test('standing channels are there always, those of the policies as they are loaded', async t => {
  const channels = createChannels(CHANNELS, channelTools())
  t.same(channels.standing, ['kubernetes-event'])
  t.ok(channels.channel('kubernetes-event'))
  t.equal(channels.channel('bot'), undefined)
  channels.follow(BOT)
  t.ok(channels.channel('bot'))
  channels.follow(PAGER)
  t.equal(channels.channel('bot'), undefined)
  t.ok(channels.channel('pager'))
})

t.test('each decides by the event; one that a reload removed is still called for people, for when it is back', async t => {
  const channels = createChannels(CHANNELS, channelTools())
  channels.follow({ ...BOT, ...PAGER })
  const taken = (name: string) => (['needs-people', 'approval', 'update', 'over'] as const).filter(event => channels.takes(name, event))
  t.same(taken('bot'), ['needs-people', 'approval', 'update', 'over'])
  t.same(taken('pager'), ['needs-people', 'approval'])
  t.same(taken('kubernetes-event'), ['needs-people', 'approval', 'update', 'over'])
  t.same(taken('removed'), ['needs-people', 'approval'])
})

t.test('a kind that is none was not checked at load', async t => {
  t.throws(() => openChannels(CHANNELS, { x: { kind: 'pigeon', settings: {} } }, channelTools()), /pigeon, which was not checked/)
})
