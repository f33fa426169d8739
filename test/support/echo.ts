import { once } from 'node:events'
import http from 'node:http'
import type { Test } from 'tap'

/** What of a request a bad server gives back. */
export const ECHOES = ['authorization', 'word', 'decoded', 'path', 'headers', 'last'] as const
export type Echo = (typeof ECHOES)[number]

/** In which form it does so: each is read by another part of Astern. */
export const FORMS = [
  'plain 503',
  'json error 400',
  'json error 500',
  'warnings',
  'content type',
  'kubernetes 404',
  'kubernetes 403',
  'not JSON',
  'cut off',
  'hang up'
] as const
export type Form = (typeof FORMS)[number]

export interface Misbehaviour {
  readonly echo: Echo
  readonly form: Form
}

/** A server that tells everybody what it was sent, as debugging proxies and bad error pages do. `bodies`: what it was sent besides headers. */
export async function startEcho(
  t: Pick<Test, 'teardown'>,
  host: string,
  behaves: () => Misbehaviour
): Promise<{ readonly origin: string; readonly bodies: string[] }> {
  const bodies: string[] = []
  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      bodies.push(Buffer.concat(chunks).toString())
      answer(request, response, behaves())
    })
  })
  server.listen(0, host)
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server got no port')
  return { origin: `http://${host}:${address.port}`, bodies }
}

function said(request: http.IncomingMessage, echo: Echo): string {
  const { authorization = '', ...others } = request.headers
  switch (echo) {
    case 'authorization':
      return authorization
    case 'word':
      return authorization.split(' ')[1] ?? ''
    case 'decoded':
      return Buffer.from(authorization.split(' ')[1] ?? '', 'base64').toString('utf8')
    case 'path':
      return request.url ?? ''
    case 'headers':
      return JSON.stringify({ ...others, authorization })
    // So far behind that a limit of text cuts through it.
    case 'last':
      return `${'x'.repeat(60)} ${authorization}`
  }
}

function answer(request: http.IncomingMessage, response: http.ServerResponse, { echo, form }: Misbehaviour): void {
  const text = said(request, echo)
  const json = (status: number, body: unknown): void =>
    void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  const kubernetes = (status: number): void =>
    json(status, { kind: 'Status', status: 'Failure', message: `not for ${text}`, reason: text, code: status })
  switch (form) {
    case 'plain 503':
      return void response.writeHead(503, { 'content-type': 'text/plain' }).end(text)
    case 'json error 400':
      return void json(400, { status: 'error', errorType: 'bad_data', error: text })
    case 'json error 500':
      return void json(500, { status: 'error', errorType: text, error: text })
    case 'warnings':
      return void json(200, { status: 'success', data: { resultType: 'vector', result: [] }, warnings: [text], gitVersion: text })
    case 'content type':
      return void response.writeHead(200, { 'content-type': `text/html; of=${encodeURI(text)}` }).end('<html>')
    case 'kubernetes 404':
      return void kubernetes(404)
    case 'kubernetes 403':
      return void kubernetes(403)
    case 'not JSON':
      return void response.writeHead(200, { 'content-type': 'application/json' }).end(`{${text}`)
    case 'cut off':
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': 10_000 })
      return void response.write(`{"${text}`, () => request.socket.destroy())
    case 'hang up':
      return void request.socket.destroy()
  }
}
