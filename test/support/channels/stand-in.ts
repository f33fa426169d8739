import { once } from 'node:events'
import http from 'node:http'
import type { Test } from 'tap'
import { isObject, type JsonObject } from '../../../src/base/json.ts'
import type { HttpResult } from '../../../src/outgoing/http-client.ts'

// Slack, PagerDuty and Teams cannot run here. These stand in: they check each request against the documented schema, limits and
// signatures, and keep what people would see. What a provider does that its documents do not say, they do not know.

export interface Seen {
  readonly path: string
  readonly headers: Readonly<http.IncomingHttpHeaders>
  /** The JSON; empty where it is no object. */
  readonly body: JsonObject
  /** The body byte for byte. */
  readonly raw: string
}

export interface Answered {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** The connection is cut after the request was read, and the provider does not act on it. */
  readonly cut?: true
}

/**
 * How a channel is down. `unread`: the connection is cut before the request is read. `taken`: the provider takes the request, and the
 * connection is cut before it answers. `silent`: it takes it, and never answers. `busy`: 429. `broken`: 503.
 */
export const FAULTS = ['unread', 'taken', 'silent', 'busy', 'broken'] as const
export type Fault = (typeof FAULTS)[number]

/** Whether the provider acts on a request though Astern hears nothing of it. */
export function isTaken(fault: Fault): boolean {
  return fault === 'taken' || fault === 'silent'
}

/** What a provider says when it asks for patience. */
const BUSY: Answered = { status: 429, headers: { 'retry-after': '7' } }
const BROKEN: Answered = { status: 503, body: 'upstream connect error' }

/** How a person who looks sees an affair: as a notice, as a call, as over; or not at all, where it was not told or its page is closed. */
export type Shown = 'nothing' | 'notice' | 'call' | 'over'

/** A provider: what it answers, and what people see. */
export interface StandIn {
  answer(seen: Seen): Answered
}

export interface Imitation {
  readonly origin: string
  readonly seen: Seen[]
  /** What is answered next, whatever the request; then as documented again. */
  readonly next: Answered[]
  /** As long as it is set, the channel is down in this way. */
  down: Fault | undefined
}

/** Serves a provider on loopback. */
export async function serve(t: Test, provider: StandIn): Promise<Imitation> {
  const imitation: { -readonly [Key in keyof Imitation]: Imitation[Key] } = { origin: '', seen: [], next: [], down: undefined }
  const server = http.createServer((request, response) => {
    const { down } = imitation
    if (down === 'unread') return void request.socket.destroy()
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const one = seenOf(request.url ?? '', request.headers, Buffer.concat(chunks).toString())
      imitation.seen.push(one)
      if (down === 'busy' || down === 'broken') return reply(response, down === 'busy' ? BUSY : BROKEN)
      const answered = imitation.next.shift() ?? provider.answer(one)
      if (answered.cut === true || down === 'taken') request.socket.destroy()
      else if (down !== 'silent') reply(response, answered)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  imitation.origin = `http://127.0.0.1:${address.port}`
  return imitation
}

function reply(response: http.ServerResponse, { status = 200, headers = {}, body = '' }: Answered): void {
  response.writeHead(status, headers).end(body)
}

interface Asked {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** What Astern's HTTP client would answer, without a connection: for tests of thousands of requests. */
export function askedOf(provider: StandIn, { url, headers, body }: Asked, down: Fault | undefined): HttpResult {
  const { pathname, search } = new URL(url)
  const failed = (problem: 'unreachable' | 'deadline'): HttpResult => ({ kind: 'failed', problem, detail: `127.0.0.1: ${problem}` })
  if (down === 'unread') return failed('unreachable')
  const refusal = down === 'busy' ? BUSY : down === 'broken' ? BROKEN : undefined
  const answered = refusal ?? provider.answer(seenOf(pathname + search, headers, body))
  if (down !== undefined && isTaken(down)) return failed(down === 'taken' ? 'unreachable' : 'deadline')
  const { status = 200, headers: told = {}, body: said = '' } = answered
  return { kind: 'response', status, headers: told, body: said, sentAt: 0, receivedAt: 0 }
}

function seenOf(path: string, headers: Readonly<http.IncomingHttpHeaders>, raw: string): Seen {
  const value: unknown = JSON.parse(raw)
  return { path, headers, body: isObject(value) ? value : {}, raw }
}
