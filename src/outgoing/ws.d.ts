// What Astern uses of `ws`, which brings no types of its own.
declare module 'ws' {
  import type { EventEmitter } from 'node:events'
  import type { Agent } from 'node:http'

  export interface ClientOptions {
    readonly agent?: Agent
    /** Milliseconds. */
    readonly handshakeTimeout?: number
    /** Bytes of one message. */
    readonly maxPayload?: number
    readonly perMessageDeflate?: boolean
    readonly followRedirects?: boolean
  }

  export class WebSocket extends EventEmitter {
    constructor(url: string, options?: ClientOptions)
    send(text: string): void
    close(): void
    terminate(): void
  }

  /** Only tests have a server. */
  export class WebSocketServer extends EventEmitter {
    constructor(options: { readonly server?: import('node:http').Server; readonly port?: number; readonly host?: string })
    address(): unknown
    close(): void
  }
}
