import { once } from 'node:events'
import http from 'node:http'
import type { Test } from 'tap'
import { WebSocketServer } from 'ws'
import { isObject, type JsonObject } from '../../src/base/json.ts'

interface Socket {
  on(event: string, listener: (data: Buffer) => void): void
  send(text: string): void
  ping(): void
  close(): void
  terminate(): void
}

export interface SocketImitation {
  readonly origin: string
  /** The connections that are open, oldest first. */
  readonly open: Socket[]
  /** How many tickets were asked for, and what is answered to the next ones. */
  readonly tickets: string[]
  readonly next: string[]
  /** What was acknowledged. */
  readonly acks: JsonObject[]
  /** Each connection says hello unless this is false. */
  greets: boolean
  waitFor(what: () => boolean): Promise<void>
}

/** Slack’s Socket Mode as its documents tell it: a URL that is good once, `hello`, envelopes, acks. */
export async function socketImitation(t: Test): Promise<SocketImitation> {
  const tickets: string[] = []
  const next: string[] = []
  const open: Socket[] = []
  const acks: JsonObject[] = []
  let wake: (() => void)[] = []
  const happened = (): void => {
    for (const one of wake) one()
    wake = []
  }
  const server = http.createServer((request, response) => {
    request.resume().on('end', () => {
      const bad =
        request.headers.authorization !== 'Bearer xapp-token' || request.url !== '/apps.connections.open' || request.method !== 'POST'
      const ticket = `t${tickets.length + 1}`
      tickets.push(ticket)
      const body =
        next.shift() ??
        JSON.stringify(
          bad ? { ok: false, error: 'invalid_auth' } : { ok: true, url: `${origin.replace('http', 'ws')}/link?ticket=${ticket}` }
        )
      response.writeHead(200, { 'content-type': 'application/json' }).end(body)
      happened()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  const origin = `http://127.0.0.1:${address.port}`
  const used = new Set<string>()
  const sockets = new WebSocketServer({ server })
  const imitation: SocketImitation = {
    ...{ origin, open, tickets, next, acks, greets: true },
    async waitFor(what) {
      while (!what()) await new Promise<void>(resolve => wake.push(resolve))
    }
  }
  sockets.on('connection', (socket: Socket, request: http.IncomingMessage) => {
    const ticket = request.url ?? ''
    if (used.has(ticket)) return socket.terminate()
    used.add(ticket)
    open.push(socket)
    socket.on('message', data => {
      const value: unknown = JSON.parse(data.toString())
      acks.push(isObject(value) ? value : {})
      happened()
    })
    socket.on('close', () => {
      open.splice(open.indexOf(socket), 1)
      happened()
    })
    if (imitation.greets) socket.send(JSON.stringify({ type: 'hello', num_connections: open.length, connection_info: { app_id: 'A0' } }))
    happened()
  })
  t.teardown(() => {
    for (const socket of open) socket.terminate()
    sockets.close()
    server.close()
    server.closeAllConnections()
  })
  return imitation
}
