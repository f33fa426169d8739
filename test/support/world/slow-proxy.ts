import { once } from 'node:events'
import http from 'node:http'

/** Hands requests on at once, and their answers back late: a slow acknowledgement is how two peers come to deliver the same. */
export async function startSlowProxy(target: string, delayMs: number): Promise<{ readonly url: string; close(): void }> {
  const server = http.createServer({ keepAliveTimeout: 72_000 }, (request, response) => {
    const forwarded = http.request(target + (request.url ?? ''), { method: request.method, headers: request.headers }, answer => {
      setTimeout(() => {
        response.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(response)
      }, delayMs)
    })
    forwarded.on('error', () => response.destroy())
    request.pipe(forwarded)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the slow proxy got no port')
  return {
    url: `http://127.0.0.1:${address.port}`,
    close() {
      server.close()
      server.closeAllConnections()
    }
  }
}
