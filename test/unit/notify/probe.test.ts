import { once } from 'node:events'
import { mkdtempSync, readFileSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { channelsInUse, checkChannels, checkHeartbeat } from '../../../src/doctor/channels.ts'
import type { ProbedChannel } from '../../../src/notify/channel-kind.ts'
import { verifyServer } from '../../../src/notify/email/smtp.ts'
import { CHANNELS } from '../../../src/notify/registry.ts'
import { createHttpClient } from '../../../src/outgoing/http-client.ts'
import { policyOf } from '../../support/bench.ts'
import { type Certificates, makeCertificates } from '../../support/certificates.ts'
import { channelTools } from '../../support/channel-tools.ts'
import { startMailServer } from '../../support/channels/smtp.ts'

interface Served {
  readonly origin: string
  readonly asked: string[]
}

type Answer = (path: string, authorization: string) => { readonly status?: number; readonly scopes?: string; readonly body?: unknown }

/** A server on loopback; with certificates it speaks TLS. */
async function serve(t: Test, answer: Answer, certificates?: Certificates): Promise<Served> {
  const asked: string[] = []
  const listener: http.RequestListener = (request, response) => {
    asked.push(`${request.method} ${request.url}`)
    const { status = 200, scopes, body = '' } = answer(request.url ?? '', request.headers.authorization ?? '')
    response.writeHead(status, scopes === undefined ? {} : { 'x-oauth-scopes': scopes })
    response.end(typeof body === 'string' ? body : JSON.stringify(body))
  }
  const server =
    certificates === undefined
      ? http.createServer(listener)
      : https.createServer({ cert: readFileSync(certificates.server.cert), key: readFileSync(certificates.server.key) }, listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return { origin: `http${certificates === undefined ? '' : 's'}://127.0.0.1:${address.port}`, asked }
}

/** A channel of this kind, whose files hold what the test says, with a real client. */
function opened(t: Test, kind: string, settings: unknown, files: Readonly<Record<string, string>> = {}): ProbedChannel {
  const client = createHttpClient()
  t.teardown(() => client.close())
  const found = CHANNELS.find(({ name }) => name === kind)
  if (found === undefined) throw new Error(`there is no ${kind}`)
  const readFile = async (path: string): Promise<string> => {
    const text = files[path]
    if (text === undefined) throw new Error(`${path} cannot be read`)
    return text
  }
  return found.open(settings, channelTools({ http: client, readFile, mailCheck: verifyServer }))
}

const soon = () => AbortSignal.timeout(5_000)
/** A port where nobody listens. */
const NOBODY = 'http://127.0.0.1:1'

t.test('a bot: whose token it is, what it may do, and whether it is in the channel', async t => {
  let scopes: string | undefined = 'chat:write,channels:read'
  let channel: unknown = { ok: true, channel: { is_member: true } }
  const slack = await serve(t, (path, authorization) => ({
    ...(scopes === undefined ? {} : { scopes }),
    body:
      authorization !== 'Bearer xoxb-good'
        ? { ok: false, error: 'invalid_auth' }
        : path.startsWith('/auth.test')
          ? { ok: true, user: 'astern', team: 'Shop' }
          : channel
  }))
  const bot = (token: string, to = 'C0123456') =>
    opened(t, 'slack', { tokenFile: 't', channel: to, apiUrl: slack.origin }, { t: token }).probe(soon())
  t.same(await bot('xoxb-good'), { kind: 'good', detail: 'the token is astern in Shop, and may post to C0123456' })
  t.same(slack.asked, ['GET /auth.test', 'GET /conversations.info?channel=C0123456'], 'nothing is posted')
  t.same(await bot('xoxb-bad'), { kind: 'bad', detail: 'auth.test: invalid_auth' })
  channel = { ok: true, channel: { is_member: false } }
  t.match(await bot('xoxb-good'), { kind: 'bad', detail: /is not in channel C0123456: invite it/ })
  channel = { ok: true, channel: { is_archived: true } }
  t.match(await bot('xoxb-good'), { kind: 'bad', detail: /is archived/ })
  channel = { ok: false, error: 'channel_not_found' }
  t.match(await bot('xoxb-good'), { kind: 'bad', detail: /conversations.info: channel_not_found/ })
  t.match(await bot('xoxb-good', '#api'), { kind: 'good', detail: /is not seen by the name: only a message proves more/ })
  scopes = 'chat:write'
  t.match(await bot('xoxb-good'), { kind: 'good', detail: /may not look at the channel/ }, 'it says how far it looked')
  scopes = 'channels:read'
  t.match(await bot('xoxb-good'), { kind: 'bad', detail: /lacks the scope chat:write/ })
})

t.test('what can only be reached is only reached: at its root, and not at the path that is a secret', async t => {
  const server = await serve(t, () => ({ status: 404 }))
  const secret = `${server.origin}/hook/s3cret`
  const key = 'k'.repeat(32)
  const kinds: readonly (readonly [string, unknown])[] = [
    ['slack', { webhookUrlFile: 'url' }],
    ['teams', { urlFile: 'url' }],
    ['webhook', { urlFile: 'url' }],
    ['webhook', { url: secret }],
    ['pagerduty', { routingKeyFile: 'key', url: server.origin }]
  ]
  for (const [kind, settings] of kinds) {
    const probed = await opened(t, kind, settings, { url: secret, key }).probe(soon())
    t.match(
      probed,
      { kind: 'good', detail: 'its server answers (TCP); only a message proves more (`astern channels test`, or --send-test)' },
      kind
    )
  }
  t.same([...new Set(server.asked)], ['GET /'])
  const away = `${NOBODY}/hook/s3cret`
  for (const [kind, settings] of [
    ['slack', { webhookUrlFile: 'url' }],
    ['teams', { urlFile: 'url' }],
    ['webhook', { url: away }],
    ['pagerduty', { routingKeyFile: 'key', url: NOBODY }],
    ['alertmanager', { url: NOBODY }]
  ] as const) {
    const probed = await opened(t, kind, settings, { url: away, key }).probe(soon())
    t.equal(probed.kind, 'unreachable', kind)
    t.notMatch(probed.detail, 's3cret')
  }
  t.match(await opened(t, 'teams', { urlFile: 'url' }, { url: 'http://example.org/x' }).probe(soon()), {
    kind: 'bad',
    detail: /must begin with https/
  })
  t.match(await opened(t, 'pagerduty', { routingKeyFile: 'key' }, { key: 'short' }).probe(soon()), {
    kind: 'bad',
    detail: /32 characters, and this one 5/
  })
  t.match(await opened(t, 'log', {}).probe(soon()), { kind: 'good' })
})

t.test('a certificate that nobody vouches for is told', async t => {
  const certificates = makeCertificates(mkdtempSync(join(tmpdir(), 'astern-probe-')))
  const server = await serve(t, () => ({}), certificates)
  const probed = await opened(t, 'webhook', { url: `${server.origin}/x` }).probe(soon())
  t.match(probed, { kind: 'unreachable', detail: /certificate/ })
  t.same(server.asked, [])
})

t.test('Alertmanager is asked whether it is ready, with the token', async t => {
  let status = 200
  const server = await serve(t, (_path, authorization) => ({ status: authorization === 'Bearer b' ? status : 401 }))
  const probe = (token: string) => opened(t, 'alertmanager', { url: `${server.origin}/`, bearerTokenFile: 'f' }, { f: token }).probe(soon())
  t.match(await probe('b'), { kind: 'good', detail: /^is ready/ })
  t.match(await probe('wrong'), { kind: 'bad', detail: 'answered 401 to /-/ready' })
  status = 503
  t.match(await probe('b'), { kind: 'unreachable', detail: 'answered 503 to /-/ready' })
  t.equal(server.asked[0], 'GET /-/ready')
})

t.test('mail: STARTTLS, the certificate and the login are tried, and no mail is sent', async t => {
  const certificates = makeCertificates(mkdtempSync(join(tmpdir(), 'astern-probe-')))
  const server = await startMailServer(t, { certificates, implicit: false })
  const settings = { host: '127.0.0.1', port: server.port, username: 'a', passwordFile: 'p', from: 'a@example.org', to: ['b@example.org'] }
  const files = { p: 'pa55word', ca: readFileSync(certificates.ca, 'utf8') }
  t.match(await opened(t, 'email', { ...settings, caFile: 'ca' }, files).probe(soon()), {
    kind: 'good',
    detail: /speaks TLS and takes the login/
  })
  t.same(server.mails, [])
  t.match(await opened(t, 'email', settings, files).probe(soon()), { kind: 'bad', detail: /certificate/ })
  server.answers.set('AUTH', ['535 no'])
  t.match(await opened(t, 'email', { ...settings, caFile: 'ca' }, files).probe(soon()), { kind: 'bad', detail: /535/ })
  t.equal((await opened(t, 'email', { ...settings, port: 1 }, files).probe(soon())).kind, 'unreachable')
})

t.test('doctor looks at each channel that is in use, all of them at once, and at the heartbeat', async t => {
  // Given one server that takes connections and says nothing, and one that answers.
  const silent = net.createServer(() => {}).listen(0, '127.0.0.1')
  await once(silent, 'listening')
  t.teardown(() => silent.close())
  const server = await serve(t, () => ({}))
  const hook = { kind: 'webhook', settings: {} }
  const used = channelsInUse([policyOf({ escalate: { after: 1, to: ['people'] } })], {
    blind: { to: ['pager'] },
    channels: { people: { ...hook, fallback: { to: 'second', after: 1 } }, second: { ...hook, fallback: { to: 'third', after: 1 } } }
  })
  t.same([...used], ['people', 'pager', 'second', 'third'], 'those of the fallbacks and of blindness too')
  const good = opened(t, 'webhook', { url: `${server.origin}/x` })
  const hangs: ProbedChannel = { ...good, probe: () => new Promise(() => {}) }
  const throws = opened(t, 'webhook', { urlFile: 'gone' })
  const findings = await checkChannels(
    new Map([
      ['people', good],
      ['pager', hangs],
      ['second', throws],
      ['spare', good]
    ]),
    used,
    undefined,
    AbortSignal.timeout(300)
  )
  t.match(
    findings.map(({ check, state, detail }) => `${check} ${state}: ${detail}`),
    [
      /^channel people ok: its server answers \(TCP\); only a message proves more .*--send-test/,
      'channel pager unreachable: it did not answer in time',
      'channel second bad: gone cannot be read',
      /^channel spare warning: no policy escalates to it/
    ]
  )
  const client = createHttpClient()
  t.teardown(() => client.close())
  const heartbeat = { urlFile: 'u', method: 'GET', every: 1 } as const
  const before = server.asked.length
  t.match(await checkHeartbeat(heartbeat, client, async () => `${server.origin}/ping/s3cret`, soon()), [{ state: 'ok' }])
  t.same(server.asked.slice(before), ['GET /'], 'no sign of life is sent')
  t.match(await checkHeartbeat(heartbeat, client, async () => `${NOBODY}/ping`, soon()), [{ state: 'unreachable' }])
  t.same(await checkHeartbeat(undefined, client, async () => '', soon()), [])
})
