import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { readConfig } from '../../../src/config.ts'
import { makeCertificates } from '../../support/certificates.ts'

async function listening(t: Test, server: net.Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => void server.close())
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return address.port
}

/** A server with a certificate of an authority that nobody knows, and a proxy that tunnels to it. */
async function scene(t: Test) {
  const certificates = makeCertificates(mkdtempSync(join(tmpdir(), 'astern-proxy-')))
  const { cert, key } = certificates.server
  const server = https.createServer({ cert: readFileSync(cert), key: readFileSync(key) }, (_request, response) => response.end('reached'))
  const port = await listening(t, server)
  const tunnels: { to: string | undefined; auth: string | undefined }[] = []
  const proxy = http.createServer((_request, response) => response.writeHead(405).end())
  proxy.on('connect', (request, client) => {
    tunnels.push({ to: request.url, auth: request.headers['proxy-authorization'] })
    const upstream = net.connect(port, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n')
      upstream.pipe(client).pipe(upstream)
    })
    for (const socket of [client, upstream]) socket.on('error', () => {})
  })
  const at = await listening(t, proxy)
  const call = (env: Readonly<Record<string, string>>): Promise<string> =>
    new Promise((resolve, reject) => {
      const options = { env: { PATH: process.env['PATH'] ?? '', ...env } }
      execFile(process.execPath, ['test/support/proxied-call.ts', `https://127.0.0.1:${port}/hook`], options, (error, out) =>
        error === null ? resolve(out) : reject(error)
      )
    })
  return { call, tunnels, proxy: `http://user:pa55word@127.0.0.1:${at}`, origin: `127.0.0.1:${port}`, ca: certificates.ca }
}

t.test('people are told by a proxy where the environment names one, with an authority of one’s own', async t => {
  const { call, tunnels, proxy, origin, ca } = await scene(t)
  const reached = JSON.stringify({ status: 200, body: 'reached' })
  t.equal(await call({ HTTPS_PROXY: proxy, NODE_EXTRA_CA_CERTS: ca }), reached)
  t.same(tunnels, [{ to: origin, auth: `Basic ${Buffer.from('user:pa55word').toString('base64')}` }])
  t.equal(await call({ https_proxy: proxy, NODE_EXTRA_CA_CERTS: ca }), reached, 'in small letters too')
  t.equal(tunnels.length, 2)
  t.equal(await call({ HTTPS_PROXY: proxy, NO_PROXY: '127.0.0.1', NODE_EXTRA_CA_CERTS: ca }), reached)
  t.equal(tunnels.length, 2, 'directly')
  t.match(await call({ HTTPS_PROXY: proxy }), /certificate|unable to verify/i, 'the proxy vouches for nobody')
})

t.test('a proxy that is not there is told without its password', async t => {
  const { call, origin, ca } = await scene(t)
  const out = await call({ HTTPS_PROXY: 'http://user:pa55word@127.0.0.1:9', NODE_EXTRA_CA_CERTS: ca })
  t.match(out, new RegExp(`"kind":"failed".*${origin}`))
  t.notMatch(out, /pa55word/)
})

t.test('a proxy has a URL, which is not told where it is none', async t => {
  t.same(readConfig({}, { HTTPS_PROXY: 'http://p:1', no_proxy: 'a,b' }).proxy, { HTTPS_PROXY: 'http://p:1', NO_PROXY: 'a,b' })
  t.same(readConfig({}, { HTTPS_PROXY: '' }).proxy, {})
  t.throws(() => readConfig({}, { HTTPS_PROXY: 'pa55word@p' }), { message: 'HTTPS_PROXY must begin with http:// or https://' })
})

t.test('what messages call the cluster, and where their links lead', async t => {
  const flags = { clusterName: 'prod-eu', externalUrl: 'https://astern.example.org' }
  t.same(readConfig(flags, {}).origin, flags)
  t.same(readConfig({}, { ASTERN_CLUSTER_NAME: 'prod', ASTERN_EXTERNAL_URL: 'https://a' }).origin, {
    clusterName: 'prod',
    externalUrl: 'https://a'
  })
  t.throws(() => readConfig({ clusterName: '<!channel>' }, {}), /--cluster-name/)
  t.throws(() => readConfig({ externalUrl: 'ftp://a' }, {}), /--external-url/)
})
