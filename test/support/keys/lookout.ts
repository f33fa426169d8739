import { createSources } from '../../../src/app/sources.ts'
import { VOCABULARY } from '../../../src/app/vocabulary.ts'
import { MINUTE } from '../../../src/base/clock.ts'
import { DeliveriesJudge } from '../../../src/lookout/deliveries.ts'
import { blindMessages } from '../../../src/lookout/messages.ts'
import { watchdogSight } from '../../../src/lookout/watchdog.ts'
import { startHeartbeat } from '../../../src/notify/heartbeat.ts'
import type { HttpRequest, HttpResult } from '../../../src/outgoing/http-client.ts'
import { systemClock } from '../../../src/outgoing/system-clock.ts'
import { watchdogMatcher } from '../../../src/policies/blind.ts'
import { loadPolicies, type PolicySet } from '../../../src/policies/load.ts'
import { HandClock } from '../hand-clock.ts'
import { BASE, type PolicyKey, withAt } from './key.ts'

function loaded(file: unknown): PolicySet {
  const result = loadPolicies([{ file: 'p.yaml', text: JSON.stringify(file) }], VOCABULARY)
  if (result.kind === 'bad') throw new Error(result.problems.map(({ path, message }) => `${path}: ${message}`).join('; '))
  return result.set
}

/** What goes out within ten minutes as a sign of life. */
async function beatenBy(file: unknown): Promise<string> {
  const clock = new HandClock()
  const requests: unknown[] = []
  const heart = startHeartbeat({
    clock,
    settings: () => loaded(file).heartbeat,
    ailments: async () => [],
    readFile: async path => (path.includes('url') ? `https://example.org/${path}` : `secret in ${path}`),
    http: {
      async request(request): Promise<HttpResult> {
        requests.push({ ...request, url: typeof request.url === 'string' ? request.url : request.url.reveal() })
        return { kind: 'response', status: 200, headers: {}, body: 'OK', sentAt: 0, receivedAt: 0 }
      }
    },
    beaten: () => {}
  })
  await clock.pass(10 * MINUTE)
  await heart.stop()
  return JSON.stringify(requests)
}

function heartbeatRow(option: string, from: string, to: string): PolicyKey {
  const file = (value: string): unknown => withAt(BASE, ['heartbeat'], { urlFile: 'url', [option]: value })
  return { path: `heartbeat.${option}`, from: file(from), to: file(to), play: { proof: beatenBy } }
}

/** What is heard, what is asked of Alertmanager, what counts as blind after seven minutes, and who is told. */
async function seenBy(file: unknown): Promise<string> {
  const set = loaded(file)
  const { to, watchdog, deliveries } = set.blind
  const requests: HttpRequest[] = []
  const request = async (sent: HttpRequest): Promise<HttpResult> => {
    requests.push(sent)
    return { kind: 'failed', problem: 'unreachable', detail: 'nobody is there' }
  }
  const http = { request, lines: request, close: () => {} }
  const make = createSources({ http, clock: systemClock, readSecret: async path => path, prometheusUrl: undefined })
  if (deliveries !== undefined) await make(set).heldAlerts?.(deliveries.receiver, AbortSignal.timeout(5_000))
  const judge = new DeliveriesJudge()
  const held = new Map([['hash', 'A']])
  const judged = [0, 7 * MINUTE].map(now => judge.judge(held, new Set(), { within: deliveries?.within ?? 0, now }))
  const isWatchdog = watchdogMatcher(watchdog)
  const heard = ['a', 'b'].flatMap(name => ['one', 'two'].map(source => isWatchdog({ alertname: name }, source)))
  const sight = watchdogSight(watchdog, { heardAt: undefined, expectedSince: 0, now: 7 * MINUTE })
  const channels = { takes: () => true, follows: () => false, standing: [] }
  const told = blindMessages({ kind: 'watchdog', id: 'b', since: 0, detail: '', channels: to }, channels).map(message => message.channel)
  return JSON.stringify({ requests, judged: deliveries === undefined ? [] : judged, heard, sight, told })
}

function blindRow(path: string, values: readonly [unknown, unknown], more: Readonly<Record<string, unknown>> = {}): PolicyKey {
  const [first = '', second] = path.split('.')
  const base = withAt(BASE, ['sources', 'alertmanager'], { url: 'http://alertmanager' })
  const file = (value: unknown): unknown => withAt(base, ['blind', first], second === undefined ? value : { ...more, [second]: value })
  return { path: `blind.${path}`, from: file(values[0]), to: file(values[1]), play: { proof: seenBy } }
}

/** The keys of the dead man, both ways. */
export const LOOKOUT_KEYS: readonly PolicyKey[] = [
  heartbeatRow('urlFile', 'url-a', 'url-b'),
  heartbeatRow('every', '1m', '2m'),
  heartbeatRow('method', 'GET', 'POST'),
  heartbeatRow('authorizationFile', 'a', 'b'),
  blindRow('to', [['people'], ['others']]),
  blindRow('watchdog.match', [['alertname="a"'], ['alertname="b"']]),
  blindRow('watchdog.source', ['one', 'two'], { match: ['alertname="a"'] }),
  blindRow('watchdog.within', ['5m', '9m']),
  blindRow('deliveries.receiver', ['a', 'b']),
  blindRow('deliveries.within', ['5m', '9m'], { receiver: 'a' })
]
