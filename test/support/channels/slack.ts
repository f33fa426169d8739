import { type JsonObject, listAt, textAt } from '../../../src/base/json.ts'
import type { Answered, Shown, StandIn } from './stand-in.ts'

export interface SlackMessage {
  readonly ts: string
  /** The message whose thread it is in. */
  readonly thread?: string
  /** Shown in the channel too, though it stands in a thread. */
  readonly broadcast: boolean
  /** As it stands now. */
  readonly body: JsonObject
  readonly edits: number
}

export interface Slack extends StandIn {
  /** The messages of the bot, by `ts`, oldest first. */
  readonly messages: Map<string, SlackMessage>
  /** What came by the incoming webhook, oldest first. Nothing can change it. */
  readonly posted: JsonObject[]
  /** The first messages of threads that name an affair. */
  parents(name: string): readonly SlackMessage[]
  /** How the newest of them shows the affair. */
  shows(name: string): Shown
  /** How the newest message of the incoming webhook shows it. */
  showsPosted(name: string): Shown
}

export const SLACK_TOKEN = 'xoxb-token'
export const SLACK_CHANNEL = '#api-incidents'
const SLACK_CHANNEL_ID = 'C0INCIDENTS'

const ok = (more: JsonObject): Answered => ({ body: JSON.stringify({ ok: true, ...more }) })
const error = (name: string): Answered => ({ body: JSON.stringify({ ok: false, error: name }) })

/** Slack’s API and incoming webhooks: blocks within their limits, and `ts` of messages that are there. */
export function slack(): Slack {
  const messages = new Map<string, SlackMessage>()
  const posted: JsonObject[] = []
  const parents = (name: string): readonly SlackMessage[] =>
    [...messages.values()].filter(({ thread, body }) => thread === undefined && textOf(body).includes(name))
  return {
    messages,
    posted,
    parents,
    shows: name => shownBy(parents(name).at(-1)?.body),
    showsPosted: name => shownBy(posted.filter(body => textOf(body).includes(name)).at(-1)),
    answer({ path, headers, body }) {
      const fault = blockFault(body) ?? (mentions(body) ? 'invalid_arguments' : undefined)
      if (path.startsWith('/services/')) {
        if (fault === undefined) posted.push(body)
        return fault === undefined ? { body: 'ok' } : { status: 400, body: fault }
      }
      if (headers.authorization !== `Bearer ${SLACK_TOKEN}`) return error('invalid_auth')
      if (!/^application\/json/.test(headers['content-type'] ?? '')) return error('invalid_post_type')
      if (fault !== undefined) return error(fault)
      if (path === '/chat.update') return update(body)
      return path === '/chat.postMessage' ? post(body) : error('unknown_method')
    }
  }

  function update(body: JsonObject): Answered {
    // Only the id that the first answer gave will do, never a name.
    const [channel, ts] = [textAt(body, 'channel') ?? '', textAt(body, 'ts') ?? '']
    if (channel !== SLACK_CHANNEL_ID) return error('channel_not_found')
    const before = messages.get(ts)
    if (before === undefined) return error('message_not_found')
    messages.set(ts, { ...before, body, edits: before.edits + 1 })
    return ok({ channel, ts })
  }

  function post(body: JsonObject): Answered {
    if (![SLACK_CHANNEL_ID, SLACK_CHANNEL].includes(textAt(body, 'channel') ?? '')) return error('channel_not_found')
    const thread = textAt(body, 'thread_ts')
    if (thread !== undefined && !messages.has(thread)) return error('thread_not_found')
    const ts = `1764338400.${String(messages.size + 1).padStart(6, '0')}`
    const broadcast = thread !== undefined && body['reply_broadcast'] === true
    messages.set(ts, { ts, ...(thread === undefined ? {} : { thread }), broadcast, body, edits: 0 })
    return ok({ channel: SLACK_CHANNEL_ID, ts })
  }
}

function textOf(body: JsonObject): string {
  return textAt(body, 'text') ?? ''
}

function shownBy(body: JsonObject | undefined): Shown {
  const sign = body === undefined ? '' : ([...textOf(body)][0] ?? '')
  return { '🔧': 'notice' as const, '🚨': 'call' as const, '✋': 'call' as const, '✅': 'over' as const }[sign] ?? 'nothing'
}

/** Names in texts become mentions only where the message asks for it. */
function mentions(body: JsonObject): boolean {
  return body['link_names'] === true || body['parse'] === 'full'
}

const LONGEST: Readonly<Record<string, number>> = { header: 150, section: 3_000 }

/** What Slack would say of these blocks; undefined where it takes them. */
function blockFault(body: JsonObject): string | undefined {
  const blocks = listAt(body, 'blocks')
  if (textAt(body, 'text') === undefined && blocks.length === 0) return 'no_text'
  if (textOf(body).length > 40_000) return 'msg_too_long'
  if (blocks.length > 50) return 'invalid_blocks'
  if (JSON.stringify(blocks).length > 13_000 * 1.5) return 'msg_blocks_too_long'
  return blocks.some(isWrong) ? 'invalid_blocks' : undefined
}

function isWrong(block: unknown): boolean {
  const type = textAt(block, 'type') ?? ''
  const most = LONGEST[type]
  if (most !== undefined) return (textAt(block, 'text', 'text') ?? '').length > most || textAt(block, 'text', 'text') === ''
  const elements = listAt(block, 'elements')
  if (type === 'actions') {
    const ids = new Set(elements.map(element => textAt(element, 'action_id')))
    return elements.length === 0 || elements.length > 25 || ids.size !== elements.length || elements.some(isWrongButton)
  }
  return elements.length > 10 || elements.some(element => textAt(element, 'text') === '' || (textAt(element, 'text') ?? '').length > 3_000)
}

function isWrongButton(element: unknown): boolean {
  const long = (most: number, ...path: readonly string[]): boolean => (textAt(element, ...path) ?? '').length > most
  return textAt(element, 'type') !== 'button' || long(75, 'text', 'text') || long(255, 'action_id') || long(2_000, 'value')
}
