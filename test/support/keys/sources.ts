import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSources } from '../../../src/app/sources.ts'
import { VOCABULARY } from '../../../src/app/vocabulary.ts'
import { openChannels } from '../../../src/notify/channels.ts'
import { CHANNELS } from '../../../src/notify/registry.ts'
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
async function toldBy(file: unknown): Promise<string> {
  const requests: unknown[] = []
  const tools = channelTools({
    readFile: async path => (path.includes('url') ? `https://example.org/${path}` : `secret in ${path}`),
    http: {
      async request(request) {
        requests.push({ ...request, url: typeof request.url === 'string' ? request.url : request.url.reveal() })
        return { kind: 'response', status: 200, headers: {}, body: '', sentAt: 0, receivedAt: 0 }
      }
    }
  })
  const channel = openChannels(CHANNELS, loaded(file).channels, tools).get('people')
  await channel?.send(MESSAGE, { revision: 1 }, AbortSignal.timeout(5_000))
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

/** The keys of channels, seen by what people are sent. */
export const CHANNEL_KEYS: readonly PolicyKey[] = [
  channelRow('webhook', 'url', ['https://example.org/a', 'https://example.org/b']),
  channelRow('webhook', 'urlFile', ['url-a', 'url-b']),
  channelRow('webhook', 'secretFile', ['a', 'b'], { url: 'https://example.org' }),
  channelRow('alertmanager', 'url', ['http://a', 'http://b']),
  channelRow('alertmanager', 'bearerTokenFile', ['a', 'b'], { url: 'http://a' })
]
