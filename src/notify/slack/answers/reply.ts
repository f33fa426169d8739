import type { ChannelTools } from '../../channel-kind.ts'
import { escaped } from '../blocks.ts'
import type { Pressed } from './pressed.ts'

const DEADLINE_MS = 5_000
/** Where Slack takes answers to a press. Another address would let whoever forged one choose whom Astern calls. */
const HOSTS = ['hooks.slack.com', 'hooks.slack-gov.com']

/** Tells the person who pressed, and nobody else. It is tried once: who does not hear presses again. */
export async function reply(
  { http }: Pick<ChannelTools, 'http'>,
  { responseUrl }: Pressed,
  { text, apiUrl }: { readonly text: string; readonly apiUrl: string }
): Promise<string | undefined> {
  if (responseUrl === undefined || !isSlack(responseUrl, apiUrl)) return 'the address for the answer is not Slack’s'
  const body = JSON.stringify({ response_type: 'ephemeral', replace_original: false, text: escaped(text) })
  const headers = { 'content-type': 'application/json; charset=utf-8' }
  const result = await http.request({ method: 'POST', url: responseUrl, headers, body, deadlineMs: DEADLINE_MS, maxBytes: 100_000 })
  if (result.kind === 'failed') return result.detail
  return result.status === 200 ? undefined : `it answered ${result.status}`
}

function isSlack(url: string, apiUrl: string): boolean {
  if (!URL.canParse(url)) return false
  const { protocol, host, origin } = new URL(url)
  return (protocol === 'https:' && HOSTS.includes(host)) || origin === new URL(apiUrl).origin
}
