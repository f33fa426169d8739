import { isObject, type JsonObject, textAt } from '../../base/json.ts'
import type { Channel, Delivered, Message } from '../../domain/message.ts'
import { retryAfterOf } from '../answers.ts'
import type { ChannelTools } from '../channel-kind.ts'
import { factsOf } from '../facts.ts'
import type { AnswersSettings } from './answers/settings.ts'
import { type SlackText, slackFallback, slackText } from './blocks.ts'
import { buttonsFor } from './buttons.ts'

const DEADLINE_MS = 10_000
/** What Slack says of a message that it does not take as it is. Everything else can be mended by people: an invitation, a token, a right. */
const CONTENT = ['invalid_blocks', 'invalid_blocks_format', 'msg_blocks_too_long', 'msg_too_long', 'no_text', 'invalid_arguments']
/** The first message is not there any more: another one takes its place. */
const GONE = ['message_not_found', 'channel_not_found', 'thread_not_found']
/** It is there, and stays as it is. */
const FIXED = ['cant_update_message', 'edit_window_closed']

export interface BotSettings {
  readonly tokenFile: string
  readonly channel: string
  readonly apiUrl: string
  /** How people answer. Without it they are shown no buttons. */
  readonly answers?: AnswersSettings
}

type Answer = { readonly kind: 'ok'; readonly body: JsonObject } | { readonly kind: 'error'; readonly error: string } | Delivered

/**
 * Posts as a bot: the first message of an affair begins a thread. Later ones change it to how the affair stands now, and are added to the
 * thread. The change comes first, because it can be made twice, and an answer to the thread would then stand there twice.
 */
export function openBot(
  { tokenFile, channel, apiUrl, answers }: BotSettings,
  { http, clock, readFile, origin }: ChannelTools
): Pick<Channel, 'send'> {
  async function call(method: string, parameters: JsonObject, signal: AbortSignal): Promise<Answer> {
    const token = await readFile(tokenFile)
    const result = await http.request(
      {
        method: 'POST',
        url: `${apiUrl.replace(/\/+$/, '')}/${method}`,
        headers: { 'content-type': 'application/json; charset=utf-8', authorization: `Bearer ${token}` },
        body: JSON.stringify(parameters),
        deadlineMs: DEADLINE_MS
      },
      signal
    )
    if (result.kind === 'failed') return { kind: 'failed', detail: result.detail }
    const retryAfterMs = retryAfterOf(result, clock.now())
    if (result.status !== 200)
      return { kind: 'failed', detail: `${method} answered ${result.status}`, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }
    // Slack answers 200 to errors too.
    const body = parsed(result.body)
    if (body?.['ok'] === true) return { kind: 'ok', body }
    const error = textAt(body, 'error') ?? 'an answer that cannot be read'
    if (error !== 'ratelimited' && error !== 'rate_limited') return { kind: 'error', error }
    return { kind: 'failed', detail: `${method}: ${error}`, retryAfterMs: retryAfterMs ?? 30_000 }
  }

  /** Sends the blocks, or the text alone where Slack does not take them: a message that looks plain is better than none. */
  async function written(method: string, place: JsonObject, message: Message, signal: AbortSignal): Promise<Answer> {
    const facts = factsOf(message, origin)
    const parts = (content: SlackText): JsonObject => ({ ...place, ...content, ...AS_WRITTEN })
    const told = slackText(facts, message.event)
    // Only the first message of a thread has buttons: it alone is changed later, when they must go.
    const buttons = answers === undefined || 'thread_ts' in place ? [] : buttonsFor(message)
    const first = await call(method, parts({ ...told, blocks: [...told.blocks, ...buttons] }), signal)
    if (first.kind !== 'error' || !CONTENT.includes(first.error)) return first
    return call(method, parts({ ...slackFallback(facts, message.event), blocks: [] }), signal)
  }

  const begin = async (message: Message, signal: AbortSignal): Promise<Delivered> => {
    const answer = await written('chat.postMessage', { channel }, message, signal)
    if (answer.kind !== 'ok') return settled(answer)
    const [id, ts] = [textAt(answer.body, 'channel'), textAt(answer.body, 'ts')]
    if (id === undefined || ts === undefined) return { kind: 'delivered' }
    return { kind: 'delivered', remember: { channel: id, ts, called: calls(message), ...posted(answer.body) } }
  }

  return {
    async send(message, { memory }, signal) {
      const [id, ts] = [textAt(memory, 'channel'), textAt(memory, 'ts')]
      if (id === undefined || ts === undefined) return begin(message, signal)
      const changed = await written('chat.update', { channel: id, ts }, message, signal)
      if (changed.kind === 'error' && GONE.includes(changed.error)) return begin(message, signal)
      if (changed.kind !== 'ok' && !(changed.kind === 'error' && FIXED.includes(changed.error))) return settled(changed)
      const called = memory?.['called'] === true
      const remember = { ...memory, channel: id, ts, called: called || calls(message) }
      if (message.event === 'update') return { kind: 'delivered', remember }
      // The first call for people in a thread that began with a notice is shown to the whole channel.
      const place = { channel: id, thread_ts: ts, ...(calls(message) && !called ? { reply_broadcast: true } : {}) }
      const added = await written('chat.postMessage', place, message, signal)
      return added.kind === 'ok' ? { kind: 'delivered', remember } : settled(added)
    }
  }
}

/** No name in a text becomes a mention, and no link is opened by Slack itself. */
const AS_WRITTEN = { mrkdwn: false, parse: 'none', link_names: false, unfurl_links: false, unfurl_media: false }

/** Which app posted in which workspace, where Slack says so. What is pressed must come from there. */
function posted(body: JsonObject): JsonObject {
  const app = textAt(body, 'message', 'app_id') ?? textAt(body, 'message', 'bot_profile', 'app_id')
  const team = textAt(body, 'message', 'team') ?? textAt(body, 'message', 'bot_profile', 'team_id')
  return { ...(app === undefined ? {} : { app }), ...(team === undefined ? {} : { team }) }
}

function calls({ event }: Message): boolean {
  return event === 'needs-people' || event === 'approval'
}

function settled(answer: Answer): Delivered {
  switch (answer.kind) {
    case 'ok':
      return { kind: 'delivered' }
    case 'error':
      return { kind: CONTENT.includes(answer.error) ? 'refused' : 'failed', detail: `Slack: ${answer.error}` }
    case 'delivered':
    case 'failed':
    case 'refused':
      return answer
  }
}

function parsed(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}
