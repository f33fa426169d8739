import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import { createSecretFiles } from '../../../src/app/secret-files.ts'
import { createSources } from '../../../src/app/sources.ts'
import { VOCABULARY } from '../../../src/app/vocabulary.ts'
import { createSecrets } from '../../../src/base/secrets.ts'
import { createHttpClient } from '../../../src/outgoing/http-client.ts'
import { systemClock } from '../../../src/outgoing/system-clock.ts'
import { loadPolicies } from '../../../src/policies/load.ts'
import { loadPolicyPath } from '../../../src/policies/store.ts'
import { makeCertificates } from '../../support/certificates.ts'

interface Seen {
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly client: string | undefined
}

/** A server that lets in who shows a certificate of the authority, and keeps who asked. */
async function guardedSource(t: Test, folder: string) {
  const files = makeCertificates(join(folder, 'tls'))
  const seen: Seen[] = []
  const server = https.createServer(
    {
      ca: readFileSync(files.ca),
      cert: readFileSync(files.server.cert),
      key: readFileSync(files.server.key),
      requestCert: true,
      rejectUnauthorized: true
    },
    (request, response) => {
      const { socket } = request
      seen.push({
        path: new URL(request.url ?? '', 'https://h').pathname,
        headers: request.headers,
        client: socket instanceof TLSSocket ? String(socket.getPeerCertificate().subject?.CN) : undefined
      })
      const alerts = request.url?.startsWith('/api/v2/alerts') === true
      // One that is asked for `slow` never answers.
      if (request.headers['x-slow'] !== undefined) return
      const body = alerts ? [] : { status: 'success', data: { resultType: 'vector', result: [{ metric: {}, value: [1, '1'] }] } }
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    }
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return { url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`, seen, files }
}

async function statusOf(t: Test, folder: string, source: Readonly<Record<string, unknown>>) {
  const file = join(folder, 'p.yaml')
  writeFileSync(file, JSON.stringify({ version: 1, sources: { prometheus: source, alertmanager: source }, policies: [] }))
  const loaded = await loadPolicyPath(file, VOCABULARY)
  if (loaded.kind === 'bad') return { problems: loaded.problems.map(({ path, message }) => `${path}: ${message}`) }
  const secrets = createSecrets()
  const http = createHttpClient(Date.now, secrets.scrub)
  t.teardown(() => http.close())
  const make = createSources({ http, clock: systemClock, readSecret: createSecretFiles(secrets).read, prometheusUrl: undefined })
  return make(loaded.set).status(AbortSignal.timeout(10_000))
}

t.test('every source is asked with its headers, its credential, its certificates and its deadline', async t => {
  const folder = t.testdir({ password: 'pa55w0rd-of-am\n', token: 't0ken-of-am\n' })
  const { url, seen, files } = await guardedSource(t, folder)
  const tls = { caFile: files.ca, certFile: files.client.cert, keyFile: files.client.key }
  const both = { prometheus: { reachable: true }, alertmanager: { reachable: true } }

  const basicAuth = { username: 'astern', passwordFile: join(folder, 'password') }
  t.match(await statusOf(t, folder, { url, ...tls, headers: { 'X-Scope-OrgID': 'team-a' }, basicAuth }), both)
  t.same(new Set(seen.map(({ path }) => path)), new Set(['/api/v1/query', '/api/v2/alerts']))
  const basic = `Basic ${Buffer.from('astern:pa55w0rd-of-am').toString('base64')}`
  for (const { path, headers, client } of seen)
    t.match({ headers, client }, { headers: { 'x-scope-orgid': 'team-a', authorization: basic }, client: 'client' }, path)

  seen.length = 0
  t.match(await statusOf(t, folder, { url, ...tls, bearerTokenFile: join(folder, 'token') }), both)
  for (const { path, headers } of seen) t.equal(headers.authorization, 'Bearer t0ken-of-am', path)

  t.match(
    await statusOf(t, folder, { url, caFile: files.ca }),
    { prometheus: { reachable: false }, alertmanager: { reachable: false } },
    'without the client certificate nobody gets in'
  )
  t.match(await statusOf(t, folder, { url, certFile: files.client.cert, keyFile: files.client.key }), {
    prometheus: { reachable: false, detail: /certificate/ },
    alertmanager: { reachable: false, detail: /certificate/ }
  })
  t.match(await statusOf(t, folder, { url, ...tls, timeout: '1s', headers: { 'X-Slow': '1' } }), {
    prometheus: { reachable: false, detail: /1000 ms/ },
    alertmanager: { reachable: false, detail: /1000 ms/ }
  })
})

t.test('what a source cannot be asked with is a load error', async t => {
  const folder = t.testdir({ empty: '\n', garbage: 'nothing', file: 'something' })
  const files = makeCertificates(join(folder, 'tls'))
  const [empty, garbage, file, missing] = ['empty', 'garbage', 'file', 'missing'].map(name => join(folder, name))
  const good = { url: 'http://127.0.0.1:1' }
  const cases: readonly (readonly [Readonly<Record<string, unknown>>, RegExp])[] = [
    [{ url: 'prometheus:9090' }, /url: the URL is not a URL that begins with http/],
    [{ url: 'localhost' }, /url: the URL is not a URL/],
    [{ url: '//prometheus:9090' }, /url: the URL is not a URL/],
    [{ url: 'ftp://prometheus' }, /url: the URL is not a URL/],
    [{ ...good, caFile: missing }, /caFile: .*missing is not there/],
    [{ ...good, caFile: garbage }, /caFile: .*garbage holds no certificate/],
    [{ ...good, bearerTokenFile: missing }, /bearerTokenFile: .*missing is not there/],
    [{ ...good, bearerTokenFile: folder }, /bearerTokenFile: .*cannot be read \(EISDIR\)/],
    [{ ...good, bearerTokenFile: empty }, /bearerTokenFile: .*is empty/],
    [{ ...good, basicAuth: { username: 'a', passwordFile: missing } }, /basicAuth\.passwordFile: .*missing is not there/],
    [{ ...good, basicAuth: { username: 'a:b', passwordFile: file } }, /a colon ends the user name/],
    [{ ...good, basicAuth: { username: 'a', passwordFile: file }, bearerTokenFile: file }, /one credential/],
    [{ ...good, certFile: files.client.cert }, /certFile: a client certificate needs its key/],
    [{ ...good, keyFile: files.client.key }, /keyFile: a key needs its certificate/],
    [{ ...good, certFile: files.client.cert, keyFile: garbage }, /keyFile: .*holds no key/],
    [{ ...good, headers: { Authorization: 'x' } }, /Authorization: is a credential/],
    [{ ...good, headers: { 'Content-Type': 'x' } }, /Content-Type: is set by Astern itself/],
    [{ ...good, headers: { 'a b': 'x' } }, /is no name of a header/],
    [{ ...good, headers: { a: 'x\ny' } }, /has a value that no header can have/],
    [{ ...good, headers: { a: 'x', A: 'y' } }, /stands here twice/]
  ]
  for (const [source, message] of cases) t.match(await statusOf(t, folder, source), { problems: [message, message] }, String(message))
})

t.test('files of channels and of steps are looked at too, and a body is no place for them', async t => {
  const folder = t.testdir({ noUrl: 'hooks.example.org/x', url: 'https://hooks.example.org/x' })
  const file = join(folder, 'p.yaml')
  const write = (noUrl: string, header: string): void =>
    writeFileSync(
      file,
      JSON.stringify({
        version: 1,
        sources: { prometheus: { url: 'http://p' } },
        channels: { people: { webhook: { urlFile: noUrl, secretFile: join(folder, 'gone') } } },
        policies: [
          {
            name: 'call',
            match: ['alertname="A"'],
            target: { kind: 'Deployment', namespace: 'shop', name: 'api' },
            verify: [{ promql: 'sum(x)', failWhen: '> 1' }],
            steps: [
              {
                action: 'http',
                with: { url: 'https://example.org', headersFromFiles: { 'X-Key': header }, body: { aFile: join(folder, 'gone') } }
              }
            ]
          }
        ]
      })
    )
  write(join(folder, 'noUrl'), join(folder, 'gone'))
  const result = await loadPolicyPath(file, VOCABULARY)
  t.match(result, {
    kind: 'bad',
    problems: [
      { path: 'channels.people.webhook.urlFile', message: /holds no URL/ },
      { path: 'channels.people.webhook.secretFile', message: /gone is not there/ },
      { path: 'policies[0].steps[0].with.headersFromFiles.X-Key', message: /gone is not there/ }
    ]
  })
  t.equal(result.kind === 'bad' ? result.problems.length : 0, 3)
  t.match(await loadPolicyPath(file, VOCABULARY, { lookAtFiles: false }), { kind: 'loaded' })
})

t.test('a URL without a scheme is a load error wherever it stands', async t => {
  const file = (channels: unknown, step: unknown) => ({
    version: 1,
    sources: { prometheus: { url: 'http://p' } },
    channels,
    policies: [
      {
        name: 'call',
        match: ['alertname="A"'],
        target: { kind: 'Deployment', namespace: 'shop', name: 'api' },
        verify: [{ promql: 'sum(x)', failWhen: '> 1' }],
        steps: [step]
      }
    ]
  })
  const restart = { action: 'rollout-restart' }
  for (const url of ['example.org/x', 'example:8080/x', '//example.org/x'])
    for (const [channels, step, path] of [
      [{ people: { webhook: { url } } }, restart, 'channels.people.webhook.url'],
      [{ people: { alertmanager: { url } } }, restart, 'channels.people.alertmanager.url'],
      [{}, { action: 'http', with: { url } }, 'policies[0].steps[0].with'],
      [{}, { action: 'circuit-breaker-reset', with: { url } }, 'policies[0].steps[0].with']
    ] as const)
      t.match(
        loadPolicies([{ file: 'p.yaml', text: JSON.stringify(file(channels, step)) }], VOCABULARY),
        { kind: 'bad', problems: [{ path }] },
        `${path}: ${url}`
      )
})
