import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { readConfig } from '../../src/config.ts'
import { ECHOES, FORMS, type Misbehaviour } from './echo.ts'

/** Every place where a secret may stand. */
export const PLACES = [
  'bearer',
  'password',
  'alertBearer',
  'channelBearer',
  'urlKey',
  'signing',
  'kube',
  'header',
  'stepUrl',
  'operator',
  'slackToken',
  'slackSigning',
  'pagerKey',
  'teamsUrl',
  'heartbeatUrl',
  'appToken',
  'mailPassword'
] as const
export type Held = Readonly<Record<(typeof PLACES)[number], string>>

// What begins with these letters is in no output by chance. A header takes any sign of ASCII but white space.
export const secret = fc.stringMatching(/^Zq[!-~]{10,40}$/)
export const held: fc.Arbitrary<Held> = fc.tuple(...PLACES.map(() => secret)).map(values => {
  const at = (place: (typeof PLACES)[number]): string => values[PLACES.indexOf(place)] ?? ''
  return {
    bearer: at('bearer'),
    password: at('password'),
    alertBearer: at('alertBearer'),
    channelBearer: at('channelBearer'),
    urlKey: encodeURIComponent(at('urlKey')),
    signing: at('signing'),
    kube: at('kube'),
    header: at('header'),
    stepUrl: encodeURIComponent(at('stepUrl')),
    operator: at('operator').replaceAll(/[^A-Za-z0-9]/g, 'x'),
    slackToken: at('slackToken'),
    slackSigning: at('slackSigning'),
    pagerKey: at('pagerKey'),
    teamsUrl: encodeURIComponent(at('teamsUrl')),
    heartbeatUrl: encodeURIComponent(at('heartbeatUrl')),
    appToken: at('appToken'),
    mailPassword: at('mailPassword')
  }
})
export const misbehaviour: fc.Arbitrary<Misbehaviour> = fc.record({ echo: fc.constantFrom(...ECHOES), form: fc.constantFrom(...FORMS) })

/** How much of a secret is one too many: a limit of text may cut it off. */
export const PIECE = 10

export function leaks(text: string, secrets: Held): readonly string[] {
  return PLACES.filter(
    place => text.includes(secrets[place].slice(0, PIECE)) || text.includes(JSON.stringify(secrets[place].slice(0, PIECE)).slice(1, -1))
  )
}

export interface Scene {
  readonly folder: string
  readonly origin: string
  readonly config: ReturnType<typeof readConfig>
}

/** Where its sources and receivers are, and its cluster; default: with them. */
export interface Places {
  readonly origin: string
  readonly cluster?: string
}

export function setUp(
  folder: string,
  { origin, cluster = origin }: Places,
  { basic, ...secrets }: Held & { readonly basic: boolean }
): Scene {
  const file = (name: string, content: string): string => {
    const path = join(folder, name)
    writeFileSync(path, content)
    return path
  }
  const prometheus = basic
    ? { basicAuth: { username: 'ann', passwordFile: file('password', `${secrets.password}\n`) } }
    : { bearerTokenFile: file('bearer', `${secrets.bearer}\n`) }
  const policies = {
    version: 1,
    sources: {
      prometheus: { url: `${origin}/prometheus`, timeout: '1s', ...prometheus },
      alertmanager: { url: `${origin}/alertmanager`, bearerTokenFile: file('alert-bearer', secrets.alertBearer) }
    },
    channels: {
      am: { alertmanager: { url: origin, bearerTokenFile: file('channel-bearer', secrets.channelBearer) } },
      bot: {
        webhook: {
          urlFile: file('url', `${origin}/hook/${secrets.urlKey}?k=${secrets.urlKey}`),
          secretFile: file('signing', secrets.signing)
        }
      },
      chat: {
        slack: {
          tokenFile: file('slack-token', secrets.slackToken),
          channel: '#c',
          apiUrl: origin,
          answers: { signingSecretFile: file('slack-signing', secrets.slackSigning) }
        }
      },
      socket: {
        slack: {
          tokenFile: file('slack-token', secrets.slackToken),
          channel: '#d',
          apiUrl: origin,
          answers: { appTokenFile: file('app-token', secrets.appToken) }
        }
      },
      mail: {
        email: {
          ...{ host: '127.0.0.1', port: 1, from: 'astern@example.org', to: ['api@example.org'] },
          ...{ username: 'astern', passwordFile: file('mail-password', secrets.mailPassword) }
        }
      },
      pager: { pagerduty: { routingKeyFile: file('pager-key', secrets.pagerKey), url: origin } },
      team: { teams: { urlFile: file('teams-url', `${origin}/teams/${secrets.teamsUrl}`) } }
    },
    heartbeat: { urlFile: file('heartbeat-url', `${origin}/ping/${secrets.heartbeatUrl}`), every: '1s' },
    policies: [
      {
        name: 'undo',
        mode: 'auto',
        match: ['alertname="A"'],
        target: { kind: 'Deployment', namespace: 'shop', name: 'api' },
        guards: { namespaces: ['shop'] },
        verify: [{ promql: 'sum(rate(x[5m]))', failWhen: '> 1', samples: 1 }],
        steps: [{ action: 'rollout-undo' }],
        escalate: { to: ['am', 'bot', 'chat', 'socket', 'mail', 'pager', 'team'] }
      }
    ]
  }
  const kubeconfig = {
    'current-context': 'c',
    clusters: [{ name: 'c', cluster: { server: cluster, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'u', user: { token: secrets.kube } }],
    contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }]
  }
  const sha256 = createHash('sha256').update(secrets.operator).digest('hex')
  const tokens = ['operator', 'webhook'].map(role => ({
    name: role,
    role,
    sha256: role === 'operator' ? sha256 : createHash('sha256').update(`w${secrets.operator}`).digest('hex')
  }))
  const flags = {
    policies: file('policies.yaml', JSON.stringify(policies)),
    kubeconfig: file('kubeconfig', JSON.stringify(kubeconfig)),
    tokens: file('tokens.yaml', JSON.stringify({ tokens })),
    dataDir: join(folder, 'data'),
    listen: '127.0.0.1:0',
    mode: 'auto',
    logLevel: 'debug',
    podCidr: ['127.88.0.0/16']
  }
  return { folder, origin, config: readConfig(flags, {}) }
}
