import t from 'tap'
import { log } from '../../../src/notify/log/log.ts'
import { channelTools, MESSAGE } from '../../support/channel-tools.ts'

t.test('each message is one line of the log, with its facts as fields', async t => {
  const lines: { readonly text: string; readonly fields: unknown }[] = []
  const channel = log.open({}, channelTools({ line: (fields, text) => void lines.push({ text, fields }), origin: { clusterName: 'prod' } }))
  const over = { ...MESSAGE, event: 'over' } as const
  t.same(await channel.send(MESSAGE, { revision: 1 }, AbortSignal.timeout(1_000)), { kind: 'delivered' })
  t.same(await channel.send(over, { revision: 2 }, AbortSignal.timeout(1_000)), { kind: 'delivered' })
  t.match(lines, [
    {
      text: `[prod] ${MESSAGE.title}`,
      fields: { key: MESSAGE.key, event: 'needs-people', severity: 'critical', facts: { Alert: 'A', Target: 'Deployment/shop/api' } }
    },
    { fields: { revision: 2, event: 'over' } }
  ])
})

t.test('what an alert brings forges no second line', async t => {
  const lines: string[] = []
  const channel = log.open({}, channelTools({ line: (fields, text) => void lines.push(JSON.stringify({ ...fields, text })) }))
  await channel.send({ ...MESSAGE, title: 'one\n{"level":50}\u001b[2K' }, { revision: 1 }, AbortSignal.timeout(1_000))
  t.equal(lines.length, 1)
  t.notMatch(lines[0], '\n')
  t.notMatch(lines[0], '\\u001b')
})
