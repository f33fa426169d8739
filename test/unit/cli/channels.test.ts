import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { readConfig } from '../../../src/config.ts'
import { testChannel } from '../../../src/doctor/test-channel.ts'
import { imitate, pagerdutyImitation } from '../../support/people-imitation.ts'

/** The configuration of a policy file with this channel. */
function configOf(t: Test, channel: unknown) {
  const folder = t.testdir({ key: 'k'.repeat(32) })
  const file = join(folder, 'policies.yaml')
  const text = JSON.stringify({ version: 1, channels: { people: channel }, policies: [] }).replaceAll('FOLDER', folder)
  writeFileSync(file, text)
  return readConfig({ policies: file }, {})
}

t.test('a marked message goes to one channel, and what came back is told', async t => {
  const server = await imitate(t, () => ({ status: 204 }))
  const config = configOf(t, { webhook: { url: `${server.origin}/hook` } })
  t.match(await testChannel(config, 'people'), { kind: 'delivered', type: 'webhook' })
  t.match(server.seen[0]?.body, { title: /^TEST/, subject: { kind: 'test' }, severity: 'info' })
  server.next.push({ status: 503 })
  t.match(await testChannel(config, 'people'), { kind: 'failed', detail: 'answered 503' })
})

t.test('a pager is called and told the end, so that nobody is left with an open page', async t => {
  const server = await pagerdutyImitation(t)
  const config = configOf(t, { pagerduty: { routingKeyFile: 'FOLDER/key', url: server.origin } })
  t.match(await testChannel(config, 'people'), { kind: 'delivered' })
  t.same(
    server.seen.map(({ body }) => body['event_action']),
    ['trigger', 'resolve']
  )
  t.same([...server.open], [])
  t.match(server.seen[0]?.body, { payload: { severity: 'info', summary: /^TEST/ } })
})

t.test('a name that is none is told with those that there are; a file that is not there too', async t => {
  const config = configOf(t, { pagerduty: { routingKeyFile: 'FOLDER/key' } })
  t.match(await testChannel(config, 'pager'), { kind: 'unknown', detail: 'there is no channel "pager"; there is: people' })
  const without = configOf(t, { pagerduty: { routingKeyFile: '/none/key' } })
  t.match(await testChannel(without, 'people'), { kind: 'unknown', detail: /none\/key is not there/ })
})
