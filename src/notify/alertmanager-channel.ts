import { readFile } from 'node:fs/promises'
import type { Clock } from '../base/clock.ts'
import type { Channel, Delivered, Message } from '../domain/message.ts'
import type { HttpClient } from '../outgoing/http-client.ts'

export interface AlertmanagerChannelOptions {
  readonly url: string
  readonly bearerTokenFile?: string
}

/** How long the posted alert fires: long enough for any route's `group_wait`, short enough not to linger. */
const FIRES_FOR_MS = 60 * 60_000
const DEADLINE_MS = 10_000

/**
 * Posts an alert to Alertmanager's API v2, so that the routes which exist already reach the people. Its labels are
 * Astern's own plus those of the alert that routing is usually done by; the same message is the same alert.
 */
export function alertmanagerChannel(options: AlertmanagerChannelOptions, client: HttpClient, clock: Clock): Channel {
  return {
    // Routes cannot tell good news apart: it would wake people.
    takes: ['needs-people', 'approval'],
    async send(message, _revision, signal): Promise<Delivered> {
      const token = options.bearerTokenFile === undefined ? undefined : (await readFile(options.bearerTokenFile, 'utf8')).trim()
      const now = clock.now()
      const result = await client.request(
        {
          method: 'POST',
          url: `${options.url.replace(/\/+$/, '')}/api/v2/alerts`,
          headers: { 'content-type': 'application/json', ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
          body: JSON.stringify([toAlert(message, now)]),
          deadlineMs: DEADLINE_MS
        },
        signal
      )
      if (result.kind === 'failed') return { kind: 'failed', detail: result.detail }
      if (result.status >= 200 && result.status < 300) return { kind: 'delivered' }
      const detail = `${result.status} ${result.body.slice(0, 200)}`
      return { kind: result.status >= 500 || result.status === 429 ? 'failed' : 'refused', detail }
    }
  }
}

/** Labels by which routing trees usually tell teams apart; the rest stays in the annotations. */
const ROUTING_LABELS = ['namespace', 'deployment', 'service', 'team', 'cluster', 'environment', 'env']

function toAlert(message: Message, now: number): Readonly<Record<string, unknown>> {
  const routing = Object.fromEntries(
    ROUTING_LABELS.flatMap(name =>
      message.labels[name] === undefined || message.subject.kind === 'storm' ? [] : [[name, message.labels[name]]]
    )
  )
  return {
    labels: {
      ...routing,
      alertname: message.subject.kind === 'storm' ? 'AsternStorm' : 'AsternNeedsPeople',
      severity: message.severity,
      astern_message: message.key,
      ...(message.subject.kind === 'storm'
        ? {}
        : { astern_outcome: String(message.details['outcome'] ?? ''), astern_alertname: message.labels['alertname'] ?? '' })
    },
    annotations: { summary: message.title, description: message.text, details: JSON.stringify(message.details).slice(0, 8_000) },
    startsAt: new Date(now).toISOString(),
    endsAt: new Date(now + FIRES_FOR_MS).toISOString()
  }
}
