import type { JsonObject } from '../../src/base/json.ts'
import type { Message } from '../../src/domain/message.ts'
import type { ChannelTools } from '../../src/notify/channel-kind.ts'
import { CHANNELS } from '../../src/notify/registry.ts'
import { StoryClock } from './bench.ts'
import { channelTools } from './channel-tools.ts'
import { StoryKube } from './story-kube.ts'

/** People are handed an affair: Astern wrote, and it did not help. */
const HANDED: Message = {
  key: '0mi8k2x/ineffective/incidents',
  channel: 'incidents',
  subject: { kind: 'run', id: '0mi8k2x' },
  event: 'needs-people',
  title: 'Deployment/shop/api: HighErrorRatio: ineffective',
  text: 'Written, not recovered, and the ladder is used up.\nerror ratio fails since 11:58:40',
  severity: 'critical',
  runId: '0mi8k2x',
  labels: { alertname: 'HighErrorRatio', namespace: 'shop', deployment: 'api' },
  details: {
    run: '0mi8k2x',
    policy: 'api-5xx-after-deploy',
    target: 'Deployment/shop/api',
    outcome: 'ineffective',
    wrote: true,
    symptom: { since: '2026-03-01T11:58:40.000Z', orBefore: false, queries: ['error ratio'] },
    lastSample: { verdict: 'fail', queries: [{ query: 'error ratio', value: 0.12 }] },
    changed: {
      at: '2026-03-01T11:55:02.000Z',
      by: 'helm',
      differs: ['image of api: registry.example.org/api:v1 → registry.example.org/api:v2'],
      release: 'shop/api, revision 7',
      markers: [
        { version: 'v2', commit: '4f2c9e1', author: 'ann', url: 'https://git.example.org/shop/api/commit/4f2c9e1', by: 'shop-pipeline' }
      ]
    },
    reverse: 'kubectl -n shop rollout undo deployment/api --to-revision=2',
    alert: {
      startsAt: '2026-03-01T12:00:00.000Z',
      generatorURL: 'http://prometheus:9090/graph',
      runbook: 'https://runbooks.example.org/api-5xx'
    }
  }
}
/** Its alert went away, and stayed away. */
const OVER: Message = {
  ...HANDED,
  key: '0mi8k2x/over/incidents',
  event: 'over',
  title: 'Deployment/shop/api: over',
  text: 'All of its alerts stayed away for five minutes.',
  severity: 'info',
  details: { target: 'Deployment/shop/api', outcome: 'ineffective' }
}

const ORIGIN = { clusterName: 'prod-eu', externalUrl: 'https://astern.example.org' }
/** When the messages are sent. */
const SENT = Date.parse('2026-03-01T12:04:00Z')
const FILES: Readonly<Record<string, string>> = {
  '/url': 'https://hooks.example.org/the-secret-path',
  '/key': 'the routing key',
  '/token': 'xoxb-the-token'
}

/** The channels that the page shows. A new one must be there. */
const asked = new Set<string>()

/** What leaves Astern, as it goes over the wire, without what is secret. */
type Sent = readonly string[]

/** Sends these messages in turn by a real channel, and notes what it hands to its provider. */
async function sentBy(name: string, settings: object, messages: readonly Message[]): Promise<readonly Sent[]> {
  asked.add(name)
  let sent: string[] = []
  const kube = new StoryKube()
  kube.objects.set('/apis/apps/v1/namespaces/shop/deployments/api', { metadata: { uid: '5f0c…' } })
  kube.onPost = (path, object) => {
    sent.push(`POST ${path}`, json(object))
    return { kind: 'ok', status: 201, object }
  }
  const tools: ChannelTools = channelTools({
    kube,
    clock: new StoryClock(SENT),
    origin: ORIGIN,
    readFile: async path => FILES[path] ?? '',
    http: {
      async request({ method, url, headers = {}, body = '' }) {
        const shown = ['idempotency-key', 'x-astern-timestamp'].flatMap(key =>
          headers[key] === undefined ? [] : [`${key}: ${headers[key]}`]
        )
        // Where the URL is the secret it stands in a file, and is shown as such.
        sent.push([`${method} ${String(url)}`, ...shown].join('\n'), json(JSON.parse(body)))
        const answer = { ok: true, channel: 'C0123', ts: '1772366640.000100' }
        const status = name === 'pagerduty' || name === 'teams' ? 202 : 200
        return { kind: 'response', status, headers: {}, body: JSON.stringify(answer), sentAt: SENT, receivedAt: SENT }
      }
    },
    mail: async (_server, { text, ...mail }) => {
      const headers = Object.entries({ ...mail, headers: undefined, ...mail.headers }).flatMap(([key, value]) =>
        value === undefined ? [] : [`${key}: ${Array.isArray(value) ? value.join(', ') : String(value)}`]
      )
      sent.push(`${headers.join('\n')}\n\n${text}`)
    },
    line: (fields, text) => sent.push(json({ ...fields, msg: text }))
  })
  const channel = CHANNELS.find(kind => kind.name === name)?.open(settings, tools)
  if (channel === undefined) throw new Error(`there is no channel ${name}`)
  let memory: JsonObject | undefined
  const all: Sent[] = []
  for (const message of messages) {
    sent = []
    const delivered = await channel.send(message, { revision: 1, ...(memory === undefined ? {} : { memory }) }, AbortSignal.timeout(1_000))
    if (delivered.kind !== 'delivered') throw new Error(`${name}: ${delivered.detail}`)
    memory = delivered.remember ?? memory
    all.push(sent)
  }
  return all
}

function json(value: unknown): string {
  return JSON.stringify(value, undefined, 2)
}

/** Each part of what was sent, as a block of its own. */
function shown(sent: Sent | undefined): string {
  return (sent ?? []).map(part => `\`\`\`${/^[{[]/.test(part) ? 'jsonc' : 'text'}\n${part.trimEnd()}\n\`\`\``).join('\n\n')
}

/** The page that shows what arrives in each channel for the same affair, made by the channels themselves. */
export async function toldExamples(): Promise<string> {
  const both = [HANDED, OVER]
  const mail = await sentBy('email', { host: 'smtp.example.org', from: 'astern@example.org', to: ['api@example.org'] }, both)
  const answers = { signingSecretFile: '/key' }
  const bot = await sentBy('slack', { tokenFile: '/token', channel: '#api-incidents', apiUrl: 'https://slack.com/api', answers }, both)
  const incoming = await sentBy('slack', { webhookUrlFile: '/url' }, [HANDED])
  const pager = await sentBy('pagerduty', { routingKeyFile: '/key' }, both)
  const teams = await sentBy('teams', { urlFile: '/url' }, [HANDED])
  const alertmanager = await sentBy('alertmanager', { url: 'http://alertmanager:9093' }, both)
  const tool = await sentBy('webhook', { url: 'https://tool.example.org/events' }, [HANDED])
  const template = { message: '{{ title }}', description: '{{ facts }}', alias: '{{ subject }}' }
  const own = await sentBy('webhook', { url: 'https://tool.example.org/events', body: template }, [HANDED])
  const event = await sentBy('kubernetes-event', {}, [HANDED])
  const log = await sentBy('log', {}, [HANDED])
  const page = `# What arrives

The same affair in each channel: Astern wrote, it did not help, and people are called; later it is over. A test makes this page by the channels
themselves (\`npm run told\`). What the channels are: [channels.md](channels.md).

## Mail

${shown(mail[0])}

When it is over:

${shown(mail[1])}

## Slack, by a bot

${shown(bot[0])}

When it is over the first message is changed, and the thread gets an answer:

${shown(bot[1])}

## Slack, by an incoming webhook

${shown(incoming[0])}

## PagerDuty

${shown(pager[0])}

When it is over:

${shown(pager[1])}

## Microsoft Teams

${shown(teams[0])}

## Alertmanager

${shown(alertmanager[0])}

When it is over:

${shown(alertmanager[1])}

## Webhook

${shown(tool[0])}

With a \`body\` of the policy's own:

${shown(own[0])}

## Kubernetes Event

${shown(event[0])}

## Log

${shown(log[0])}
`
  const missing = CHANNELS.filter(({ name }) => !asked.has(name)).map(({ name }) => name)
  if (missing.length > 0) throw new Error(`the page does not show ${missing.join(', ')}`)
  return page
}
