import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import http from 'node:http'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { openChannels } from '../../../src/notify/channels.ts'
import { CHANNELS } from '../../../src/notify/registry.ts'
import { createHttpClient } from '../../../src/outgoing/http-client.ts'
import { channelTools, MESSAGE } from '../../support/channel-tools.ts'
import { loopback } from '../../support/channels/loopback.ts'

/** A forward proxy. It notes what it is asked for, and asks for it. */
async function forwardProxy(t: Test): Promise<{ readonly url: string; readonly asked: string[] }> {
  const asked: string[] = []
  const server = http.createServer((request, response) => {
    asked.push(request.url ?? '')
    const { 'proxy-connection': _hop, ...headers } = request.headers
    const onward = http.request(request.url ?? '', { method: request.method, headers }, answer => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    onward.on('error', () => response.writeHead(502).end())
    request.pipe(onward)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  const address = server.address()
  return { url: `http://127.0.0.1:${address === null || typeof address === 'string' ? 0 : address.port}`, asked }
}

/** Every channel that speaks HTTP, behind the proxy. */
async function scene(t: Test, more: { readonly NO_PROXY?: string } = {}) {
  const proxy = await forwardProxy(t)
  const places = await loopback(t, join(t.testdir({}), 'files'))
  const client = createHttpClient(Date.now, text => text, { HTTP_PROXY: proxy.url, ...more })
  t.teardown(() => client.close())
  const tools = channelTools({ http: client, readFile: async path => (await readFile(path, 'utf8')).trim() })
  const configured = Object.entries(places.channels).flatMap(([name, one]) => {
    const [kind = '', settings] = Object.entries(one)[0] ?? []
    return kind === 'email' ? [] : [[name, { kind, settings }] as const]
  })
  const results = []
  for (const [name, channel] of openChannels(CHANNELS, Object.fromEntries(configured), tools))
    results.push([name, (await channel.send(MESSAGE, { revision: 1 }, AbortSignal.timeout(10_000))).kind])
  return { proxy, places, results, names: configured.map(([name]) => name) }
}

const PATHS = [
  '/api/v2/alerts',
  '/chat.postMessage',
  '/hook',
  '/services/T0/B0/x',
  '/v2/enqueue',
  '/workflows/x?api-version=1&sp=%2Ftriggers&sig=a%2Fb+c'
]

t.test('each channel that speaks HTTP reaches its provider by a proxy, byte for byte', async t => {
  const { proxy, places, results, names } = await scene(t)
  t.same(
    results,
    names.map(name => [name, 'delivered'])
  )
  t.same(proxy.asked.map(url => url.replace(/^http:\/\/127\.0\.0\.1:\d+/, '')).sort(), PATHS, 'all by the proxy, and each once')
  t.same([places.slack.messages.size, places.slack.posted.length, places.teams.cards.length], [1, 1, 1])
  t.same([places.tool.taken.size, places.alertmanager.known, places.pagerduty.open.size], [1, 1, 1])
})

t.test('what NO_PROXY names is reached directly', async t => {
  const { proxy, results, names } = await scene(t, { NO_PROXY: '127.0.0.1' })
  t.same(
    results,
    names.map(name => [name, 'delivered'])
  )
  t.same(proxy.asked, [])
})
