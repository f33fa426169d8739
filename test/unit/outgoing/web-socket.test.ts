import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { WebSocketServer } from 'ws'
import { createWebSockets } from '../../../src/outgoing/web-socket.ts'
import { makeCertificates } from '../../support/certificates.ts'

async function listening(t: Test, server: net.Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => void server.close())
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return address.port
}

interface Socket {
  send(text: string): void
}

t.test(
  'a WebSocket goes by the proxy that the environment names, with an authority of one’s own, and directly where it says so',
  async t => {
    const certificates = makeCertificates(mkdtempSync(join(tmpdir(), 'astern-socket-')))
    const { cert, key } = certificates.server
    const server = https.createServer({ cert: readFileSync(cert), key: readFileSync(key) })
    const port = await listening(t, server)
    const sockets = new WebSocketServer({ server })
    t.teardown(() => sockets.close())
    sockets.on('connection', (socket: Socket) => socket.send('hello'))
    const tunnels: (string | undefined)[] = []
    const proxy = http.createServer((_request, response) => response.writeHead(405).end())
    proxy.on('connect', (request, client) => {
      tunnels.push(request.url)
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
        execFile(
          process.execPath,
          ['test/support/proxied-socket.ts', `wss://127.0.0.1:${port}/link?ticket=secret`],
          options,
          (error, out) => (error === null ? resolve(out) : reject(error))
        )
      })
    const by = { HTTPS_PROXY: `http://127.0.0.1:${at}`, NODE_EXTRA_CA_CERTS: certificates.ca }
    t.match(await call(by), /^hello\|/)
    t.same(tunnels, [`127.0.0.1:${port}`])
    t.match(await call({ ...by, NO_PROXY: '127.0.0.1' }), /^hello\|/)
    t.equal(tunnels.length, 1, 'directly')
    t.match(await call({ HTTPS_PROXY: by.HTTPS_PROXY }), /^\|.*certificate/, 'an authority that nobody knows')
  }
)

t.test('a connection on which nothing comes is ended, and so is one with a message that is too large', async t => {
  const server = http.createServer()
  const port = await listening(t, server)
  const served = new WebSocketServer({ server })
  t.teardown(() => served.close())
  served.on('connection', (socket: Socket, request: http.IncomingMessage) => {
    if (request.url === '/large') socket.send('x'.repeat(300_000))
  })
  const sockets = createWebSockets({})
  t.teardown(() => sockets.close())
  const end = (path: string): Promise<string> =>
    new Promise(resolve => {
      sockets.open(`ws://127.0.0.1:${port}${path}`, { quietMs: 300, message: () => {}, closed: resolve })
    })
  t.equal(await end('/quiet'), 'nothing came for 300 ms')
  t.match(await end('/large'), /payload/i)
})
