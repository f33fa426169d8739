import { createHmac } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Clock } from '../base/clock.ts'
import { type Channel, type Delivered, MESSAGE_EVENTS } from '../domain/message.ts'
import type { HttpClient } from '../outgoing/http-client.ts'

export interface WebhookChannelOptions {
  readonly url?: string
  readonly urlFile?: string
  readonly secretFile?: string
}

const DEADLINE_MS = 10_000

/**
 * Posts the message as JSON. `Idempotency-Key` is the message's key: the same key is the same message. With a secret the
 * body is signed: `X-Astern-Signature: v1=` hex of HMAC-SHA256 over `<timestamp>.<body>`, `X-Astern-Timestamp` in seconds.
 */
export function webhookChannel(options: WebhookChannelOptions, client: HttpClient, clock: Clock): Channel {
  return {
    takes: MESSAGE_EVENTS,
    async send(message, revision, signal): Promise<Delivered> {
      const url = options.url ?? (options.urlFile === undefined ? undefined : (await readFile(options.urlFile, 'utf8')).trim())
      if (url === undefined || !isAllowed(url))
        return { kind: 'refused', detail: 'the channel’s URL must be https (http only on loopback)' }
      const body = JSON.stringify({ version: 1, ...message, revision })
      const timestamp = Math.floor(clock.now() / 1_000).toString()
      const secret = options.secretFile === undefined ? undefined : (await readFile(options.secretFile, 'utf8')).trim()
      const signature = secret === undefined ? undefined : createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')
      const result = await client.request(
        {
          method: 'POST',
          url,
          headers: {
            'content-type': 'application/json',
            'idempotency-key': revision === 1 ? message.key : `${message.key}/${revision}`,
            'x-astern-timestamp': timestamp,
            ...(signature === undefined ? {} : { 'x-astern-signature': `v1=${signature}` })
          },
          body,
          deadlineMs: DEADLINE_MS
        },
        signal
      )
      if (result.kind === 'failed') return { kind: 'failed', detail: result.detail }
      if (result.status >= 200 && result.status < 300) return { kind: 'delivered' }
      // A 4xx may be mended on the other side (a rotated credential, a deploy): tried again like all else, with back-off.
      return { kind: 'failed', detail: `answered ${result.status}` }
    }
  }
}

function isAllowed(url: string): boolean {
  if (!URL.canParse(url)) return false
  const { protocol, hostname } = new URL(url)
  return (
    protocol === 'https:' || (protocol === 'http:' && (hostname === 'localhost' || hostname === '[::1]' || hostname.startsWith('127.')))
  )
}
