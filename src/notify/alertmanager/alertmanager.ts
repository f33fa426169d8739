import { type Static, Type } from 'typebox'
import type { Channel, Message } from '../../domain/message.ts'
import { type ChannelTools, channelKind } from '../channel-kind.ts'
import { urlFault } from '../channel-url.ts'

const Settings = Type.Object(
  {
    url: Type.String({
      minLength: 1,
      description: 'Alertmanager’s base URL: an alert is posted to its API v2, so that existing routes tell the people.'
    }),
    bearerTokenFile: Type.Optional(Type.String({ minLength: 1, description: 'File with a bearer token.' }))
  },
  { additionalProperties: false }
)

/** How long the posted alert fires: long enough for any route's `group_wait`, short enough not to linger. */
const FIRES_FOR_MS = 60 * 60_000
const DEADLINE_MS = 10_000
/** Labels by which routing trees usually tell teams apart; the rest stays in the annotations. */
const ROUTING_LABELS = ['namespace', 'deployment', 'service', 'team', 'cluster', 'environment', 'env']

/**
 * Posts an alert to Alertmanager's API v2, so that the routes which exist already reach the people. Its labels are
 * Astern's own plus those of the alert that routing is usually done by; the same message is the same alert.
 */
export const alertmanager = channelKind({
  name: 'alertmanager',
  // Alertmanager's routes cannot recognise good news, so it would wake people.
  takes: ['needs-people', 'approval'],
  settings: Settings,
  // Inside a cluster Alertmanager almost never has TLS (docs/decisions/0004).
  check({ url }) {
    const message = urlFault(url)
    return message === undefined ? [] : [{ path: ['url'], message }]
  },
  open
})

function open({ url, bearerTokenFile }: Static<typeof Settings>, { http, clock, readFile }: ChannelTools): Pick<Channel, 'send'> {
  return {
    async send(message, _revision, signal) {
      const token = bearerTokenFile === undefined ? undefined : await readFile(bearerTokenFile)
      const result = await http.request(
        {
          method: 'POST',
          url: `${url.replace(/\/+$/, '')}/api/v2/alerts`,
          headers: { 'content-type': 'application/json', ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
          body: JSON.stringify([toAlert(message, clock.now())]),
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

function toAlert(message: Message, now: number): Readonly<Record<string, unknown>> {
  return {
    labels: {
      ...ownLabels(message),
      severity: message.severity,
      astern_message: message.key
    },
    annotations: { summary: message.title, description: message.text, details: JSON.stringify(message.details).slice(0, 8_000) },
    startsAt: new Date(now).toISOString(),
    endsAt: new Date(now + FIRES_FOR_MS).toISOString()
  }
}

/** A storm concerns many teams, so no label of one of its alerts may route it. */
function ownLabels({ subject, labels, details }: Message): Readonly<Record<string, string>> {
  if (subject.kind === 'storm') return { alertname: 'AsternStorm' }
  const routing = ROUTING_LABELS.flatMap(name => (labels[name] === undefined ? [] : [[name, labels[name]] as const]))
  return {
    ...Object.fromEntries(routing),
    alertname: 'AsternNeedsPeople',
    astern_outcome: String(details['outcome'] ?? ''),
    astern_alertname: labels['alertname'] ?? ''
  }
}
