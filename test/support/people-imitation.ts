import { once } from 'node:events'
import http from 'node:http'
import type { Test } from 'tap'
import { at, isObject, type JsonObject, listAt, objectAt, textAt } from '../../src/base/json.ts'

// Slack, PagerDuty and Teams cannot run here. These stand in: they check each request against the documented limits, and answer as the
// documents say. What a provider does that its documents do not say, they do not know.

export interface Seen {
  readonly path: string
  readonly headers: http.IncomingHttpHeaders
  readonly body: JsonObject
}

export interface Answered {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** The connection is cut after the request was read. */
  readonly cut?: true
}

export interface Imitation {
  readonly origin: string
  readonly seen: Seen[]
  /** What is answered next, whatever the request; then as documented again. */
  readonly next: Answered[]
}

/** A server on loopback that answers every request by these rules. */
export async function imitate(t: Test, answer: (seen: Seen) => Answered): Promise<Imitation> {
  const seen: Seen[] = []
  const next: Answered[] = []
  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const value: unknown = JSON.parse(Buffer.concat(chunks).toString())
      const one: Seen = { path: request.url ?? '', headers: request.headers, body: isObject(value) ? value : {} }
      seen.push(one)
      const { status = 200, headers = {}, body = '', cut } = next.shift() ?? answer(one)
      if (cut === true) request.socket.destroy()
      else response.writeHead(status, headers).end(body)
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
  return { origin: `http://127.0.0.1:${address.port}`, seen, next }
}

/** Slack’s API and incoming webhooks: blocks within their limits, and `ts` of messages that are there. */
export function slackImitation(t: Test): Promise<Imitation & { readonly texts: Map<string, JsonObject> }> {
  const texts = new Map<string, JsonObject>()
  const ok = (more: JsonObject): Answered => ({ body: JSON.stringify({ ok: true, ...more }) })
  const error = (name: string): Answered => ({ body: JSON.stringify({ ok: false, error: name }) })
  return imitate(t, ({ path, headers, body }) => {
    const fault = blockFault(body)
    if (path.startsWith('/services/')) return fault === undefined ? { body: 'ok' } : { status: 400, body: fault }
    if (headers.authorization !== 'Bearer xoxb-token') return error('invalid_auth')
    if (fault !== undefined) return error(fault)
    const channel = textAt(body, 'channel') ?? ''
    if (path === '/chat.update') {
      // Only the id that the first answer gave will do, never a name.
      if (channel !== 'C0INCIDENTS') return error('channel_not_found')
      const ts = textAt(body, 'ts') ?? ''
      if (!texts.has(ts)) return error('message_not_found')
      texts.set(ts, body)
      return ok({ channel, ts })
    }
    if (!['C0INCIDENTS', '#api-incidents'].includes(channel)) return error('channel_not_found')
    const ts = `1764338400.${String(texts.size + 1).padStart(6, '0')}`
    texts.set(ts, body)
    return ok({ channel: 'C0INCIDENTS', ts })
  }).then(imitation => ({ ...imitation, texts }))
}

/** What Slack would say of these blocks; undefined where it takes them. */
function blockFault(body: JsonObject): string | undefined {
  const blocks = listAt(body, 'blocks')
  if (textAt(body, 'text') === undefined && blocks.length === 0) return 'no_text'
  if ((textAt(body, 'text') ?? '').length > 40_000) return 'msg_too_long'
  if (blocks.length > 50) return 'invalid_blocks'
  if (JSON.stringify(blocks).length > 13_000 * 1.5) return 'msg_blocks_too_long'
  const longest: Readonly<Record<string, number>> = { header: 150, section: 3_000 }
  const wrong = blocks.some(block => {
    const most = longest[textAt(block, 'type') ?? '']
    if (textAt(block, 'type') === 'actions') return actionsFault(block)
    if (most !== undefined) return (textAt(block, 'text', 'text') ?? '').length > most || textAt(block, 'text', 'text') === ''
    return listAt(block, 'elements').length > 10
  })
  return wrong ? 'invalid_blocks' : undefined
}

/** Whether Slack would refuse these buttons: at most 25, each with its own id, a short text and a value. */
function actionsFault(block: unknown): boolean {
  const buttons = listAt(block, 'elements')
  const ids = new Set(buttons.map(button => textAt(button, 'action_id')))
  return (
    buttons.length === 0 ||
    buttons.length > 25 ||
    ids.size !== buttons.length ||
    buttons.some(
      button =>
        textAt(button, 'type') !== 'button' ||
        textAt(button, 'text', 'type') !== 'plain_text' ||
        (textAt(button, 'text', 'text') ?? '').length > 75 ||
        (textAt(button, 'value') ?? '').length > 2_000 ||
        (textAt(button, 'action_id') ?? '').length > 255
    )
  )
}

/** PagerDuty’s Events API v2: one incident for each key that is triggered and not resolved. */
export function pagerdutyImitation(t: Test): Promise<Imitation & { readonly open: Set<string>; readonly notified: string[] }> {
  const open = new Set<string>()
  const notified: string[] = []
  const invalid = (why: string): Answered => ({ status: 400, body: JSON.stringify({ status: 'invalid event', errors: [why] }) })
  return imitate(t, ({ path, body }) => {
    if (JSON.stringify(body).length > 512_000) return { status: 413 }
    if (textAt(body, 'routing_key')?.length !== 32) return invalid('routing_key is the wrong length')
    const summary = textAt(body, 'payload', 'summary') ?? ''
    if (summary === '' || summary.length > 1_024) return invalid('summary is too long (maximum is 1024 characters)')
    if (path === '/v2/change/enqueue') return { status: 202, body: '{"status":"success"}' }
    const key = textAt(body, 'dedup_key') ?? ''
    if (key === '' || key.length > 255) return invalid('dedup_key')
    if (!['critical', 'error', 'warning', 'info'].includes(String(at(objectAt(body, 'payload'), 'severity')))) return invalid('severity')
    if (body['event_action'] === 'trigger' && !open.has(key)) notified.push(key)
    if (body['event_action'] === 'trigger') open.add(key)
    else if (body['event_action'] === 'resolve') open.delete(key)
    else return invalid('event_action')
    return { status: 202, body: JSON.stringify({ status: 'success', message: 'Event processed', dedup_key: key }) }
  }).then(imitation => ({ ...imitation, open, notified }))
}
