import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSources } from '../../../src/app/sources.ts'
import { VOCABULARY } from '../../../src/app/vocabulary.ts'
import { mayAct } from '../../../src/domain/credential.ts'
import type { Message } from '../../../src/domain/message.ts'
import { personOf } from '../../../src/domain/person.ts'
import { createChannels, openChannels } from '../../../src/notify/channels.ts'
import { CHANNELS } from '../../../src/notify/registry.ts'
import { answeredChannels } from '../../../src/notify/slack/answers/settings.ts'
import type { HttpRequest, HttpResult } from '../../../src/outgoing/http-client.ts'
import { systemClock } from '../../../src/outgoing/system-clock.ts'
import { loadPolicies, type PolicySet } from '../../../src/policies/load.ts'
import { channelTools, MESSAGE } from '../channel-tools.ts'
import { BASE, type PolicyKey, row, withAt } from './key.ts'

/** The files that a source may name, each with its own content. */
function sourceFiles(): { readonly a: string; readonly b: string } {
  const folder = mkdtempSync(join(tmpdir(), 'astern-keys-'))
  const [a, b] = ['a', 'b'].map(name => join(folder, name))
  if (a === undefined || b === undefined) throw new Error('there are two')
  for (const file of [a, b]) writeFileSync(file, `what is in ${file}`)
  return { a, b }
}

function loaded(file: unknown): PolicySet {
  const result = loadPolicies([{ file: 'p.yaml', text: JSON.stringify(file) }], VOCABULARY)
  if (result.kind === 'bad') throw new Error(result.problems.map(({ path, message }) => `${path}: ${message}`).join('; '))
  return result.set
}

/** What goes out to the sources of a file. */
async function askedOf(file: unknown): Promise<string> {
  const requests: HttpRequest[] = []
  const request = async (sent: HttpRequest): Promise<HttpResult> => {
    requests.push(sent)
    return { kind: 'failed', problem: 'unreachable', detail: 'nobody is there' }
  }
  const http = { request, lines: request, close: () => {} }
  const make = createSources({ http, clock: systemClock, readSecret: async path => `secret in ${path}`, prometheusUrl: undefined })
  await make(loaded(file)).status(AbortSignal.timeout(5_000))
  return JSON.stringify(requests)
}

/** The keys of a source, seen by what goes out to it. */
export function sourceKeys(source: 'prometheus' | 'alertmanager'): readonly PolicyKey[] {
  const { a, b } = sourceFiles()
  const of = (option: string, from: unknown, to: unknown, more: Readonly<Record<string, unknown>> = {}): PolicyKey =>
    row(`sources.${source}.${option}`, from, to, {
      and: { [`sources.${source}`]: { url: `http://${source}`, ...more } },
      play: { proof: askedOf }
    })
  const basicAuth = { basicAuth: { username: 'a', passwordFile: a } }
  return [
    of('url', 'http://a', 'http://b'),
    of('bearerTokenFile', a, b),
    of('basicAuth.username', 'a', 'b', basicAuth),
    of('basicAuth.passwordFile', a, b, basicAuth),
    of('headers', { 'X-Scope-OrgID': 'a' }, { 'X-Scope-OrgID': 'b' }),
    of('timeout', '1s', '2s'),
    of('caFile', a, b),
    of('certFile', a, b, { keyFile: a }),
    of('keyFile', a, b, { certFile: a })
  ]
}

/** What goes out to people by the channels of a file. */
async function toldBy(file: unknown, message: Message = MESSAGE): Promise<string> {
  const requests: unknown[] = []
  const tools = channelTools({
    readFile: async path => (path.includes('url') ? `https://example.org/${path}` : `secret in ${path}`),
    mail: async (server, mail) => void requests.push({ server, mail }),
    http: {
      async request(request) {
        requests.push({ ...request, url: typeof request.url === 'string' ? request.url : request.url.reveal() })
        return { kind: 'response', status: 200, headers: {}, body: '', sentAt: 0, receivedAt: 0 }
      }
    }
  })
  const channel = openChannels(CHANNELS, loaded(file).channels, tools).get('people')
  await channel?.send(message, { revision: 1 }, AbortSignal.timeout(5_000))
  return JSON.stringify(requests)
}

function channelRow(
  kind: string,
  option: string,
  [from, to]: readonly [unknown, unknown],
  more: Readonly<Record<string, unknown>> = {}
): PolicyKey {
  const file = (value: unknown): unknown => withAt(BASE, ['channels', 'people'], { [kind]: { ...more, [option]: value } })
  return { path: `channels.*.${kind}.${option}`, from: file(from), to: file(to), play: { proof: toldBy } }
}

/** Where a call for people goes that the channel does not take, and when. */
function fallbackRow(option: 'fallback' | 'fallbackAfter', from: string, to: string): PolicyKey {
  const url = 'https://example.org'
  const base = withAt(BASE, ['channels', 'third'], { webhook: { url } })
  const file = (value: string): unknown => withAt(base, ['channels', 'people'], { webhook: { url }, fallback: 'others', [option]: value })
  const proof = async (text: unknown): Promise<string> => {
    const channels = createChannels(CHANNELS, channelTools())
    channels.follow(loaded(text).channels)
    return JSON.stringify([...channels.fallbacks()])
  }
  return { path: `channels.*.${option}`, from: file(from), to: file(to), play: { proof } }
}

/** The keys of mail, seen by what is sent. */
function mailKeys(): readonly PolicyKey[] {
  const whole = { host: 'a', from: 'a@example.org', to: ['a@example.org'] }
  const user = { username: 'a', passwordFile: 'a' }
  const of = (option: string, values: readonly [unknown, unknown], more: Readonly<Record<string, unknown>> = {}): PolicyKey => {
    const file = (value: unknown): unknown => withAt(BASE, ['channels', 'people'], { email: { ...whole, ...more, [option]: value } })
    return { path: `channels.*.email.${option}`, from: file(values[0]), to: file(values[1]), play: { proof: toldBy } }
  }
  return [
    of('host', ['a', 'b']),
    of('port', [1, 2]),
    of('tls', ['starttls', 'implicit']),
    of('caFile', ['a', 'b']),
    of('username', ['a', 'b'], user),
    of('passwordFile', ['a', 'b'], user),
    of('from', ['a@example.org', 'b@example.org']),
    of('to', [['a@example.org'], ['b@example.org']])
  ]
}

/** How people answer in a channel, and who may. */
function answerKeys(): readonly PolicyKey[] {
  const slack = { tokenFile: 'a', channel: '#c' }
  const way = (option: string): PolicyKey => {
    const file = (value: string): unknown => withAt(BASE, ['channels', 'people'], { slack: { ...slack, answers: { [option]: value } } })
    const proof = async (text: unknown): Promise<string> => JSON.stringify(answeredChannels(loaded(text).channels))
    return { path: `channels.*.slack.answers.${option}`, from: file('a'), to: file('b'), play: { proof } }
  }
  const ada = { slack: 'T0/UADA', name: 'Ada', role: 'viewer' }
  const person = (option: string, value: string): PolicyKey => {
    const file = (more: Readonly<Record<string, string>>): unknown => withAt(BASE, ['people'], [{ ...ada, ...more }])
    const proof = async (text: unknown): Promise<string> => {
      const found = personOf(loaded(text).people, 'T0', 'UADA')
      return found === undefined ? 'nobody' : `${found.name} ${mayAct({ name: found.name, role: found.role, source: '' }, 'operator')}`
    }
    return { path: `people[].${option}`, from: file({}), to: file({ [option]: value }), play: { proof } }
  }
  return [way('signingSecretFile'), way('appTokenFile'), person('slack', 'T0/UBOB'), person('name', 'Bob'), person('role', 'operator')]
}

/** The keys of channels, seen by what people are sent. */
export const CHANNEL_KEYS: readonly PolicyKey[] = [
  channelRow('webhook', 'url', ['https://example.org/a', 'https://example.org/b']),
  channelRow('webhook', 'urlFile', ['url-a', 'url-b']),
  channelRow('webhook', 'secretFile', ['a', 'b'], { url: 'https://example.org' }),
  channelRow('webhook', 'bearerTokenFile', ['a', 'b'], { url: 'https://example.org' }),
  channelRow('webhook', 'body', [{ is: '{{ title }}' }, { is: '{{ event }}' }], { url: 'https://example.org' }),
  channelRow('slack', 'webhookUrlFile', ['url-a', 'url-b']),
  channelRow('slack', 'tokenFile', ['a', 'b'], { channel: '#c' }),
  channelRow('slack', 'channel', ['#a', '#b'], { tokenFile: 'a' }),
  channelRow('slack', 'apiUrl', ['https://a', 'https://b'], { tokenFile: 'a', channel: '#c' }),
  ...answerKeys(),
  channelRow('pagerduty', 'routingKeyFile', ['a', 'b']),
  channelRow('pagerduty', 'url', ['https://a', 'https://b'], { routingKeyFile: 'a' }),
  {
    path: 'channels.*.pagerduty.changeEvents',
    from: withAt(BASE, ['channels', 'people'], { pagerduty: { routingKeyFile: 'a', changeEvents: true } }),
    to: withAt(BASE, ['channels', 'people'], { pagerduty: { routingKeyFile: 'a', changeEvents: false } }),
    play: { proof: file => toldBy(file, { ...MESSAGE, event: 'acted' }) }
  },
  channelRow('teams', 'urlFile', ['url-a', 'url-b']),
  ...mailKeys(),
  fallbackRow('fallback', 'others', 'third'),
  fallbackRow('fallbackAfter', '5m', '6m'),
  channelRow('alertmanager', 'url', ['http://a', 'http://b']),
  channelRow('alertmanager', 'bearerTokenFile', ['a', 'b'], { url: 'http://a' })
]
