import http from 'node:http'
import https from 'node:https'
import { WebSocket } from 'ws'
import type { ProxySettings } from './http-client.ts'

/** The time for a connection to be made, milliseconds. */
const HANDSHAKE_MS = 10_000
/** The limit of one message, bytes: as large as a callback by HTTP may be. */
const MOST_BYTES = 256 * 1024

export interface SocketHandlers {
  /** A connection counts as dead when nothing came for so many milliseconds, pings included. */
  readonly quietMs: number
  readonly message: (text: string) => void
  /** Is called once, whichever side ends it. */
  readonly closed: (why: string) => void
}

export interface OpenSocket {
  send(text: string): void
  close(): void
}

/** Opens WebSockets by the same proxies as the channels' other requests. */
export interface WebSockets {
  /** @param url is told to nobody: it holds a ticket */
  open(url: string, handlers: SocketHandlers): OpenSocket
  close(): void
}

export function createWebSockets(proxy: ProxySettings): WebSockets {
  const agents = { http: new http.Agent({ proxyEnv: { ...proxy } }), https: new https.Agent({ proxyEnv: { ...proxy } }) }
  return {
    open(url, { quietMs, message, closed }) {
      const agent = url.startsWith('wss:') ? agents.https : agents.http
      const options = { agent, handshakeTimeout: HANDSHAKE_MS, maxPayload: MOST_BYTES, perMessageDeflate: false, followRedirects: false }
      const socket = new WebSocket(url, options)
      let fault: string | undefined
      const quiet = setTimeout(() => {
        fault = `nothing came for ${quietMs} ms`
        socket.terminate()
      }, quietMs)
      const heard = (): void => void quiet.refresh()
      socket.on('ping', heard)
      socket.on('pong', heard)
      socket.on('message', (data: Buffer, isBinary: boolean) => {
        heard()
        if (!isBinary) message(data.toString('utf8'))
      })
      socket.on('error', (cause: Error) => {
        fault ??= cause.message.replaceAll(url, 'the address')
      })
      socket.on('close', (code: number) => {
        clearTimeout(quiet)
        closed(fault ?? `it was closed (${code})`)
      })
      return {
        send: text => socket.send(text),
        close: () => socket.terminate()
      }
    },
    close() {
      agents.http.destroy()
      agents.https.destroy()
    }
  }
}
