import { once } from 'node:events'
import http from 'node:http'
import https from 'node:https'

/** One request that came by. */
export interface Passing {
  readonly verb: 'list' | 'watch' | 'other'
  readonly path: string
  readonly query: URLSearchParams
}

/** Stands between Astern and the API server, and does what the way there does on bad days. */
export interface FaultProxy {
  readonly url: string
  /** Everything that was asked, in order. */
  readonly seen: Passing[]
  /** Every watch ends after so many seconds, whatever it asked for. */
  watchSeconds: number | undefined
  /** The answers come so slowly. */
  bytesPerSecond: number | undefined
  /** An answer that is not through by then is given up, with 504. */
  gatewayTimeoutMs: number | undefined
  /** New connections are refused. */
  away: boolean
  /** Answers instead of the API server, or nothing. */
  instead: ((passing: Passing) => { readonly status: number; readonly body: string } | undefined) | undefined
  /** Is waited for before a request is handed on. */
  before: ((passing: Passing) => Promise<void>) | undefined
  /** Breaks every watch that is open. */
  cutWatches(): void
  openWatches(): number
  close(): void
}

/** @param server the API server's URL @param token whose requests they are, where Astern sends no token */
export async function startFaultProxy(server: string): Promise<FaultProxy> {
  const upstream = new URL(server)
  const agent = new https.Agent({ keepAlive: true, rejectUnauthorized: false })
  const open = new Set<http.ServerResponse>()
  const proxy = http.createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const url = new URL(request.url ?? '/', 'http://proxy')
    const watch = url.searchParams.get('watch') === '1'
    const passing: Passing = {
      verb: watch ? 'watch' : url.searchParams.has('limit') || /(deployments|pods|replicasets)$/.test(url.pathname) ? 'list' : 'other',
      path: url.pathname,
      query: url.searchParams
    }
    if (self.away) return void request.socket.destroy()
    self.seen.push(passing)
    await self.before?.(passing)
    const made = self.instead?.(passing)
    if (made !== undefined) return void response.writeHead(made.status, { 'content-type': 'application/json' }).end(made.body)
    if (watch && self.watchSeconds !== undefined) url.searchParams.set('timeoutSeconds', String(self.watchSeconds))
    const forwarded = https.request(
      {
        agent,
        host: upstream.hostname,
        port: upstream.port,
        method: request.method,
        path: `${url.pathname}${url.search}`,
        headers: { ...request.headers, host: upstream.host },
        rejectUnauthorized: false
      },
      async answer => {
        if (!watch && self.bytesPerSecond !== undefined) return slowly(answer, response)
        response.writeHead(answer.statusCode ?? 502, answer.headers)
        response.flushHeaders()
        if (watch) open.add(response)
        answer.on('error', () => response.destroy())
        answer.pipe(response)
      }
    )
    forwarded.on('error', () => response.destroy())
    response.on('close', () => {
      open.delete(response)
      forwarded.destroy()
    })
    forwarded.end(Buffer.concat(chunks))
  })

  /** What does not get through in time is given up, as gateways do; the rest comes when it is all there. */
  async function slowly(answer: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of answer) chunks.push(chunk as Buffer)
    const body = Buffer.concat(chunks)
    const takes = (body.length / (self.bytesPerSecond ?? 1)) * 1_000
    const { gatewayTimeoutMs } = self
    const late = gatewayTimeoutMs !== undefined && takes > gatewayTimeoutMs
    await new Promise(resolve => setTimeout(resolve, late ? gatewayTimeoutMs : takes))
    if (late) return void response.writeHead(504, { 'content-type': 'text/html' }).end('<html>504 Gateway Time-out</html>')
    const { 'content-encoding': encoding, 'content-type': type } = answer.headers
    response
      .writeHead(answer.statusCode ?? 502, {
        ...(type === undefined ? {} : { 'content-type': type }),
        ...(encoding === undefined ? {} : { 'content-encoding': encoding })
      })
      .end(body)
  }

  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  const address = proxy.address()
  if (address === null || typeof address === 'string') throw new Error('the proxy got no port')
  const self: FaultProxy = {
    url: `http://127.0.0.1:${address.port}`,
    seen: [],
    watchSeconds: undefined,
    bytesPerSecond: undefined,
    gatewayTimeoutMs: undefined,
    away: false,
    instead: undefined,
    before: undefined,
    cutWatches() {
      for (const response of open) response.destroy()
    },
    openWatches: () => open.size,
    close() {
      proxy.close()
      proxy.closeAllConnections()
      agent.destroy()
    }
  }
  return self
}
