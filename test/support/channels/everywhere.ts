import type { Clock } from '../../../src/base/clock.ts'
import type { Channel } from '../../../src/domain/message.ts'
import type { ChannelTools } from '../../../src/notify/channel-kind.ts'
import type { Origin } from '../../../src/notify/facts.ts'
import { CHANNELS } from '../../../src/notify/registry.ts'
import { alertmanagerApi } from './alertmanager.ts'
import { eventApi } from './events.ts'
import { Mailbox } from './mailbox.ts'
import { pagerduty, ROUTING_KEY } from './pagerduty.ts'
import { SLACK_CHANNEL, SLACK_TOKEN, slack } from './slack.ts'
import { askedOf, type Fault, isTaken, type Shown, type StandIn } from './stand-in.ts'
import { TEAMS_PATH, teams } from './teams.ts'
import { WEBHOOK_SECRET, webhook } from './webhook.ts'

/** A channel of each kind, by its name; Slack has two. */
export const EVERYWHERE = ['bot', 'incoming', 'pager', 'mail', 'teams', 'alertmanager', 'tool', 'kubernetes-event'] as const
export type Somewhere = (typeof EVERYWHERE)[number]

/** The kinds of affairs that tests tell of. */
const AFFAIRS = ['run', 'storm'] as const

const URL_OF = (name: Somewhere, path = ''): string => `http://127.0.0.1/${name}${path}`

/** The settings of each, where the channels are called without a connection. */
const SETTINGS: Readonly<Record<Somewhere, { readonly kind: string; readonly settings: unknown }>> = {
  bot: { kind: 'slack', settings: { tokenFile: '/token', channel: SLACK_CHANNEL, apiUrl: URL_OF('bot') } },
  incoming: { kind: 'slack', settings: { webhookUrlFile: '/incoming' } },
  pager: { kind: 'pagerduty', settings: { routingKeyFile: '/key', url: URL_OF('pager') } },
  mail: { kind: 'email', settings: { host: 'mail', from: 'astern@example.org', to: ['api@example.org'] } },
  teams: { kind: 'teams', settings: { urlFile: '/teams' } },
  alertmanager: { kind: 'alertmanager', settings: { url: URL_OF('alertmanager') } },
  tool: { kind: 'webhook', settings: { url: URL_OF('tool'), secretFile: '/secret' } },
  'kubernetes-event': { kind: 'kubernetes-event', settings: {} }
}

const FILES: Readonly<Record<string, string>> = {
  '/token': SLACK_TOKEN,
  '/incoming': URL_OF('incoming', '/services/T0/B0/x'),
  '/key': ROUTING_KEY,
  '/teams': URL_OF('teams', TEAMS_PATH),
  '/secret': WEBHOOK_SECRET
}

/** The real channels of all kinds, over stand-ins that are called without a connection. */
export interface Everywhere {
  readonly channels: ReadonlyMap<string, Channel>
  /** How a channel fails its next requests; undefined: it works. */
  down: Fault | undefined
  /** Is given what goes out: the JSON of a request, a mail or an Event. */
  heard: (where: string, sent: unknown) => void
  /** How a person who looks there sees the affair of this id now. Its id stands in each title. */
  shows(where: Somewhere, id: string): Shown
  /** How many first messages the bot’s channel holds for the affair: more than one is a copy. */
  threads(id: string): number
  /** How often the affair woke people. */
  pages(id: string): number
}

export function everywhere(clock: Clock, origin: Origin = {}): Everywhere {
  const workspace = slack()
  const pages = pagerduty()
  const workflow = teams()
  const alerts = alertmanagerApi()
  const tool = webhook()
  const mailbox = new Mailbox()
  const providers: Readonly<Record<string, StandIn>> = {
    bot: workspace,
    incoming: workspace,
    pager: pages,
    teams: workflow,
    alertmanager: alerts,
    tool
  }
  const events = eventApi(() => everything.down)
  const tools: ChannelTools = {
    kube: {
      get: events.get,
      post(path, object) {
        everything.heard('kubernetes-event', object)
        return events.post(path, object)
      }
    },
    origin,
    clock,
    instance: 'astern-0',
    readFile: async path => FILES[path] ?? '',
    http: {
      async request({ url, headers = {}, body = '' }) {
        const { pathname, search, origin } = new URL(typeof url === 'string' ? url : url.reveal())
        const [, name = '', ...rest] = pathname.split('/')
        const provider = providers[name]
        everything.heard(name, JSON.parse(body))
        if (provider === undefined) throw new Error(`nobody is at ${pathname}`)
        return askedOf(provider, { url: `${origin}/${rest.join('/')}${search}`, headers, body }, everything.down)
      }
    },
    mailCheck: async () => {},
    line: () => {},
    async mail(_server, mail) {
      const { down } = everything
      everything.heard('mail', mail)
      if (down === undefined || isTaken(down)) mailbox.take({ id: mail.messageId, subject: mail.subject, text: mail.text })
      if (down === 'busy') throw Object.assign(new Error('451 later'), { code: 'EENVELOPE', responseCode: 451 })
      if (down !== undefined) throw Object.assign(new Error('connection lost'), { code: 'ECONNECTION' })
    }
  }
  const open = (name: Somewhere): Channel => {
    const { kind, settings } = SETTINGS[name]
    const known = CHANNELS.find(candidate => candidate.name === kind)
    if (known === undefined) throw new Error(`there is no kind ${kind}`)
    return known.open(settings, tools)
  }
  const shown: Readonly<Record<Somewhere, (id: string) => Shown>> = {
    bot: workspace.shows,
    incoming: workspace.showsPosted,
    pager: id => (AFFAIRS.some(kind => pages.shows(`astern/${kind}/${id}`) === 'call') ? 'call' : 'nothing'),
    mail: id => mailbox.shows(id),
    teams: workflow.shows,
    alertmanager: id => (alerts.firing(clock.now()).some(summary => summary.includes(id)) ? 'call' : 'nothing'),
    tool: tool.shows,
    'kubernetes-event': events.shows
  }
  const everything: Everywhere = {
    channels: new Map(EVERYWHERE.map(name => [name, open(name)])),
    down: undefined,
    heard: () => {},
    shows: (where, id) => shown[where](id),
    threads: id => workspace.parents(id).length,
    pages: id => pages.notified.filter(key => AFFAIRS.some(kind => key === `astern/${kind}/${id}`)).length
  }
  return everything
}
