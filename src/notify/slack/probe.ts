import { isObject, textAt } from '../../base/json.ts'
import type { ChannelTools } from '../channel-kind.ts'
import { ONLY_A_MESSAGE, PROBE_DEADLINE_MS, type Probe, type Probed } from '../probe.ts'
import type { BotSettings } from './bot.ts'

/** The errors of Slack that pass by themselves. */
const PASSES = ['ratelimited', 'rate_limited', 'internal_error', 'fatal_error', 'service_unavailable', 'request_timeout']
/** With one of these a bot may look at a channel. */
const MAY_LOOK = ['channels:read', 'groups:read']

type Said =
  | { readonly kind: 'ok'; readonly body: unknown; readonly scopes: readonly string[] | undefined }
  | Exclude<Probed, { readonly kind: 'good' }>

/** Asks Slack who the token is, and what it may do; and, where it may, whether the bot is in the channel. */
export function botProbe({ tokenFile, channel, apiUrl }: BotSettings, { http, readFile }: ChannelTools): Probe {
  async function ask(method: string, signal: AbortSignal): Promise<Said> {
    const authorization = `Bearer ${await readFile(tokenFile)}`
    const url = `${apiUrl.replace(/\/+$/, '')}/${method}`
    const result = await http.request({ method: 'GET', url, headers: { authorization }, deadlineMs: PROBE_DEADLINE_MS }, signal)
    if (result.kind === 'failed') return { kind: 'unreachable', detail: result.detail }
    if (result.status !== 200) return { kind: 'unreachable', detail: `${bare(method)} answered ${result.status}` }
    const body = parsed(result.body)
    const error = textAt(body, 'error') ?? 'an answer that cannot be read'
    if (!isObject(body) || body['ok'] !== true)
      return { kind: PASSES.includes(error) ? 'unreachable' : 'bad', detail: `${bare(method)}: ${error}` }
    return { kind: 'ok', body, scopes: scopesIn(result.headers['x-oauth-scopes']) }
  }

  return async signal => {
    const who = await ask('auth.test', signal)
    if (who.kind !== 'ok') return who
    const { scopes } = who
    const bot = `the token is ${textAt(who.body, 'user') ?? 'a bot'} in ${textAt(who.body, 'team') ?? 'a workspace'}`
    if (scopes !== undefined && !scopes.includes('chat:write')) return { kind: 'bad', detail: `${bot}, and lacks the scope chat:write` }
    // A name could be looked up in the list of all channels only.
    if (!/^[CGD][A-Z0-9]{6,}$/.test(channel))
      return { kind: 'good', detail: `${bot}; whether it may post to ${channel} is not seen by the name: ${ONLY_A_MESSAGE}` }
    if (scopes?.some(scope => MAY_LOOK.includes(scope)) !== true)
      return { kind: 'good', detail: `${bot}; it may not look at the channel (${MAY_LOOK.join(', ')}): ${ONLY_A_MESSAGE}` }
    const place = await ask(`conversations.info?channel=${encodeURIComponent(channel)}`, signal)
    if (place.kind !== 'ok') return { ...place, detail: `${bot}; ${place.detail}` }
    const found = isObject(place.body) && isObject(place.body['channel']) ? place.body['channel'] : {}
    if (found['is_archived'] === true) return { kind: 'bad', detail: `${bot}; channel ${channel} is archived` }
    if (found['is_member'] === false && !scopes.includes('chat:write.public'))
      return { kind: 'bad', detail: `${bot}, and is not in channel ${channel}: invite it` }
    return { kind: 'good', detail: `${bot}, and may post to ${channel}` }
  }
}

function bare(method: string): string {
  return method.split('?')[0] ?? method
}

function scopesIn(header: string | readonly string[] | undefined): readonly string[] | undefined {
  if (header === undefined) return undefined
  return (typeof header === 'string' ? header : header.join(',')).split(',').map(scope => scope.trim())
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
