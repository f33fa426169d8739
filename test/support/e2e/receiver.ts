import { once } from 'node:events'
import http from 'node:http'
import type { Test } from 'tap'

/** Somebody outside: not at 127.0.0.1, which no action may call. */
export async function startReceiver(t: Pick<Test, 'teardown'>) {
  const calls: string[] = []
  const server = http.createServer((request, response) => {
    calls.push(`${request.method} ${request.url} ${request.headers['idempotency-key'] ?? ''}`)
    response.writeHead(204).end()
  })
  server.listen(0, '127.77.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the receiver got no port')
  return { url: `http://127.77.0.1:${address.port}`, calls }
}
