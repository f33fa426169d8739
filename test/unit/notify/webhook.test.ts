import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import http from 'node:http'
import { join } from 'node:path'
import t from 'tap'
import { createChannelTools } from '../../../src/app/channel-tools.ts'
import { createSecretFiles } from '../../../src/app/secret-files.ts'
import { objectAt } from '../../../src/base/json.ts'
import { createSecrets } from '../../../src/base/secrets.ts'
import { MESSAGE_EVENTS } from '../../../src/domain/message.ts'
import { webhook } from '../../../src/notify/webhook/webhook.ts'
import { createHttpClient } from '../../../src/outgoing/http-client.ts'
import { systemClock } from '../../../src/outgoing/system-clock.ts'
import { channelTools, MESSAGE } from '../../support/channel-tools.ts'
import { noKube } from '../../support/story-tools.ts'

const soon = () => AbortSignal.timeout(5_000)

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
  const folder = t.testdir({ key: 's3cret\n' })
  const url = `http://127.0.0.1:${address === null || typeof address === 'string' ? 0 : address.port}/x`
  const tools = createChannelTools({ http: client, kube: noKube, clock: systemClock }, createSecretFiles(createSecrets()).read)
  const channel = webhook.open({ url, secretFile: join(folder, 'key') }, tools)

  t.same(await channel.send(MESSAGE, { revision: 1 }, soon()), { kind: 'delivered' })
  const [first] = seen
  t.equal(first?.headers['idempotency-key'], MESSAGE.key)
  t.equal(
    first?.headers['x-astern-signature'],
    `v1=${createHmac('sha256', 's3cret')
      .update(`${String(first?.headers['x-astern-timestamp'])}.${first?.body}`)
      .digest('hex')}`
  )
  t.match(JSON.parse(first?.body ?? '{}'), { version: 1, event: 'needs-people', key: MESSAGE.key })
  const { facts, links, ...whole } = objectAt(JSON.parse(first?.body ?? '{}'))
  t.same(whole, { version: 1, ...MESSAGE, revision: 1 }, 'the whole message')
  t.match(facts, { Target: 'Deployment/shop/api', Outcome: 'denied' }, 'and what is told of it everywhere')
  t.same(links, [])
  t.notMatch(first?.body, /s3cret/)
  await channel.send(MESSAGE, { revision: 2 }, soon())
  t.equal(seen[1]?.headers['idempotency-key'], `${MESSAGE.key}/2`, 'an update is told apart')
  status = 500
  t.match(await channel.send(MESSAGE, { revision: 1 }, soon()), { kind: 'failed', detail: 'answered 500' })
  status = 204
  writeFileSync(join(folder, 'url'), `${url}\n`)
  t.same(await webhook.open({ urlFile: join(folder, 'url') }, tools).send(MESSAGE, { revision: 1 }, soon()), { kind: 'delivered' })
  await t.rejects(webhook.open({ urlFile: join(folder, 'none') }, tools).send(MESSAGE, { revision: 1 }, soon()), /ENOENT/)
})

t.test('never in plain text over the network, also where the URL stands in a file', async t => {
  const refused = { kind: 'refused', detail: 'the channel’s URL must be https (http only on loopback)' }
  t.same(await webhook.open({ url: 'http://example.org/' }, channelTools()).send(MESSAGE, { revision: 1 }, soon()), refused)
  const readFile = async () => 'http://example.org/'
  t.same(await webhook.open({ urlFile: '/url' }, channelTools({ readFile })).send(MESSAGE, { revision: 1 }, soon()), refused)
})

t.test('it is given everything', async t => {
  t.same(webhook.takes, MESSAGE_EVENTS)
})

t.test('url or urlFile, and a URL that is https, or http on loopback', async t => {
  const both = [{ path: [], message: 'needs url or urlFile, and not both' }]
  t.same(webhook.check({}), both)
  t.same(webhook.check({ url: 'https://a', urlFile: '/b' }), both)
  t.same(webhook.check({ urlFile: '/b' }), [])
  const plain = [{ path: ['url'], message: 'must begin with https:// (http only on loopback)' }]
  for (const good of ['https://example.org/x', 'http://localhost:1', 'http://127.0.0.1:1/x', 'http://127.8.9.1', 'http://[::1]:1'])
    t.same(webhook.check({ url: good }), [], good)
  for (const bad of ['http://example.org', 'http://10.0.0.1', 'http://localhost.example.org', 'http://127.example.org'])
    t.same(webhook.check({ url: bad }), plain, bad)
  t.same(webhook.check({ url: 'ftp://example.org' }), [{ path: ['url'], message: 'must begin with https://' }])
  t.same(webhook.check({ url: 'example.org' }), [{ path: ['url'], message: 'is not a URL' }])
})
