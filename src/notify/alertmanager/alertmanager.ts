import { type Static, Type } from 'typebox'
import { type JsonObject, listAt, textMap } from '../../base/json.ts'
import { type Message, OWN_LABEL } from '../../domain/message.ts'
import { deliveredBy } from '../answers.ts'
import { type ChannelTools, channelKind, type Opened } from '../channel-kind.ts'
import { urlFault } from '../channel-url.ts'
import { factsOf, LINKS, type Origin } from '../facts.ts'
import { ONLY_A_MESSAGE, PROBE_DEADLINE_MS } from '../probe.ts'

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

/**
 * How long the posted alert fires where nobody ends it, milliseconds. It ends with its affair, and an earlier end would tell people that
 * all is well while they still work on it. Three days are a long weekend; an Astern that was removed leaves nothing for longer.
 */
const FIRES_FOR_MS = 3 * 24 * 60 * 60_000
/** How many alerts of one affair are remembered, to be ended. */
const REMEMBERED = 20
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
  // An alert that was posted ends. Without one there is nothing to end.
  follows: ['over'],
  settings: Settings,
  // Inside a cluster Alertmanager almost never has TLS (docs/decisions/0004).
  check({ url }) {
    const message = urlFault(url)
    return message === undefined ? [] : [{ path: ['url'], message }]
  },
  open
})

function open({ url, bearerTokenFile }: Static<typeof Settings>, { http, clock, readFile, origin }: ChannelTools): Opened {
  const base = url.replace(/\/+$/, '')
  async function credential(): Promise<Readonly<Record<string, string>>> {
    return bearerTokenFile === undefined ? {} : { authorization: `Bearer ${await readFile(bearerTokenFile)}` }
  }
  return {
    async probe(signal) {
      const asked = { method: 'GET', url: `${base}/-/ready`, headers: await credential(), deadlineMs: PROBE_DEADLINE_MS } as const
      const result = await http.request(asked, signal)
      if (result.kind === 'failed') return { kind: 'unreachable', detail: result.detail }
      if (result.status === 200) return { kind: 'good', detail: `is ready; ${ONLY_A_MESSAGE}` }
      if (result.status === 401 || result.status === 403) return { kind: 'bad', detail: `answered ${result.status} to /-/ready` }
      return { kind: result.status === 404 ? 'bad' : 'unreachable', detail: `answered ${result.status} to /-/ready` }
    },

    async send(message, { memory }, signal) {
      const now = clock.now()
      const before = postedBefore(memory)
      const labels = labelsOf(message)
      const ends = message.event === 'over'
      const told = toldAs(message, origin)
      const [startsAt, endsAt] = [now, ends ? now : now + FIRES_FOR_MS].map(at => new Date(at).toISOString())
      const alerts = (ends ? before : [labels]).map(each => ({ labels: each, ...told, startsAt, endsAt }))
      if (alerts.length === 0) return { kind: 'delivered' }
      const result = await http.request(
        {
          method: 'POST',
          url: `${base}/api/v2/alerts`,
          headers: { 'content-type': 'application/json', ...(await credential()) },
          body: JSON.stringify(alerts),
          deadlineMs: DEADLINE_MS
        },
        signal
      )
      const delivered = deliveredBy(result, clock.now())
      if (delivered.kind !== 'delivered') return delivered
      const others = before.filter(old => JSON.stringify(old) !== JSON.stringify(labels))
      return { kind: 'delivered', remember: { alerts: ends ? [] : [...others, labels].slice(-REMEMBERED) } }
    }
  }
}

type Labels = Readonly<Record<string, string>>

function labelsOf(message: Message): Labels {
  return { ...ownLabels(message), severity: message.severity, [OWN_LABEL]: message.key }
}

/** The labels of the alerts that this affair has posted. By them Alertmanager knows which alert ends. */
function postedBefore(memory: JsonObject | undefined): readonly Labels[] {
  return listAt(memory, 'alerts').map(textMap)
}

/** What people read of it: annotations that templates of receivers usually show, and a link back to Astern's record. */
function toldAs(message: Message, origin: Origin | undefined): JsonObject {
  const { title, text, lines, links } = factsOf(message, origin)
  const [runbook, record] = [LINKS.runbook, LINKS.record].map(name => links.find(link => link.text === name)?.url)
  return {
    annotations: {
      summary: title,
      description: [text, ...lines.map(line => `${line.label}: ${line.text}`)].filter(part => part !== '').join('\n'),
      details: JSON.stringify(message.details).slice(0, 8_000),
      ...(runbook === undefined ? {} : { runbook_url: runbook })
    },
    ...(record === undefined ? {} : { generatorURL: record })
  }
}

/** A storm concerns many teams, so no label of one of its alerts may route it. */
function ownLabels({ subject, labels, details }: Message): Labels {
  if (subject.kind === 'storm') return { alertname: 'AsternStorm' }
  const routing = ROUTING_LABELS.flatMap(name => (labels[name] === undefined ? [] : [[name, labels[name]] as const]))
  return {
    ...Object.fromEntries(routing),
    alertname: 'AsternNeedsPeople',
    astern_outcome: String(details['outcome'] ?? ''),
    astern_alertname: labels['alertname'] ?? ''
  }
}
