import { RedactedUrl } from '../../base/redacted-url.ts'
import type { Channel, Delivered } from '../../domain/message.ts'
import { failedFor } from '../answers.ts'
import type { ChannelTools } from '../channel-kind.ts'
import { secureFault } from '../channel-url.ts'
import { factsOf } from '../facts.ts'
import { type SlackText, slackFallback, slackText } from './blocks.ts'

const DEADLINE_MS = 10_000

/** Posts by an incoming webhook. It answers with no `ts`, so that nothing can be changed later: what only changes a message is not sent. */
export function openIncoming(urlFile: string, { http, clock, readFile, origin }: ChannelTools): Pick<Channel, 'send'> {
  async function post(content: SlackText, signal: AbortSignal): Promise<Delivered | 'content'> {
    const url = RedactedUrl.inFile(await readFile(urlFile), urlFile)
    if (secureFault(url.reveal()) !== undefined)
      return { kind: 'refused', detail: 'the channel’s URL must be https (http only on loopback)' }
    const body = JSON.stringify({ ...content, mrkdwn: false, unfurl_links: false, unfurl_media: false })
    const headers = { 'content-type': 'application/json' }
    const result = await http.request({ method: 'POST', url, headers, body, deadlineMs: DEADLINE_MS }, signal)
    if (result.kind === 'failed') return { kind: 'failed', detail: result.detail }
    if (result.status === 200) return { kind: 'delivered' }
    if (result.status === 400 && /invalid_blocks|invalid_payload|no_text|too_long/.test(result.body)) return 'content'
    // A webhook that was revoked, or a channel that was archived: people mend that, and what waits is sent then.
    return failedFor(result, clock.now())
  }
  return {
    async send(message, _sending, signal) {
      if (message.event === 'update') return { kind: 'delivered' }
      const facts = factsOf(message, origin)
      const first = await post(slackText(facts, message.event), signal)
      if (first !== 'content') return first
      const second = await post(slackFallback(facts, message.event), signal)
      return second === 'content' ? { kind: 'refused', detail: 'Slack takes neither the blocks nor the text' } : second
    }
  }
}
