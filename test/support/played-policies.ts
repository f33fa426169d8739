import type { Test } from 'tap'
import type { ActionNeeds } from '../../src/actions/registry.ts'
import { VOCABULARY } from '../../src/app/vocabulary.ts'
import { MINUTE } from '../../src/base/clock.ts'
import { createClockOffset } from '../../src/outgoing/clock-offset.ts'
import type { HttpRequest, HttpResult } from '../../src/outgoing/http-client.ts'
import { loadPolicies } from '../../src/policies/load.ts'
import { createPrometheus } from '../../src/verification/prometheus.ts'
import { type Bench, openBench, type StoryClock } from './bench.ts'
import type { StoryCluster } from './story-cluster.ts'
import { storyNeeds } from './story-tools.ts'
import { NOON } from './workloads.ts'

/** What happens while a policy file is in force. */
export interface Play {
  /** Default: one alert, and an hour. */
  readonly act?: (bench: Bench) => Promise<void>
  readonly needs?: Partial<ActionNeeds>
  readonly set?: (cluster: StoryCluster) => void
  /** What the queries say; default: they fail until something is written. Undefined is no data. */
  readonly number?: (query: string, at: number, written: number | undefined) => number | undefined
}

/** Seconds: how old the newest sample is, whatever is asked. */
const AGE = 30

function failsUntilWritten(_query: string, at: number, written: number | undefined): number {
  return at < NOON - MINUTE || (written !== undefined && at >= written) ? 0.01 : 0.4
}

async function oneAlert(bench: Bench): Promise<void> {
  await bench.fire()
  await bench.pass(60 * MINUTE)
}

/**
 * Everything that an Astern with this policy file does in a play: what it asks, decides, writes, sends and tells, with the times. Two
 * files that differ in a key that does something give two transcripts.
 */
export async function played(
  t: Test,
  file: unknown,
  { act = oneAlert, needs = {}, set, number = failsUntilWritten }: Play
): Promise<string> {
  const loaded = loadPolicies([{ file: 'p.yaml', text: JSON.stringify(file) }], VOCABULARY)
  if (loaded.kind === 'bad') throw new Error(loaded.problems.map(({ path, message }) => `${path}: ${message}`).join('; '))
  const transcript: unknown[] = []
  const asked = storyNeeds(needs)
  const bench = await openBench(t, {
    needs: overheard(asked, transcript),
    policies: [...loaded.set.policies],
    storm: () => loaded.set.storm
  })
  set?.(bench.cluster)
  const { clock, cluster } = bench
  const firstWrite = (): number | undefined => written(cluster, transcript, clock)
  const prometheus = createPrometheus({
    url: 'http://prometheus',
    client: {
      request: async request => {
        transcript.push(['asked', clock.now(), new URLSearchParams(request.body).get('query')])
        return answered(request, clock, (query, at) => number(query, at, firstWrite()))
      },
      state: () => 'closed'
    },
    offset: createClockOffset(clock.now),
    now: clock.now
  })
  Object.assign(bench.ports, {
    verifier: () => ({
      ...prometheus,
      sample: async (...args: Parameters<typeof prometheus.sample>) => {
        const sample = await prometheus.sample(...args)
        transcript.push(['sample', clock.now(), sample])
        return sample
      }
    })
  })
  await act(bench)
  for (const { kind, at, body } of await bench.audit()) transcript.push([kind, at, body])
  for (const { message } of await bench.ledger.claimMessages(clock.now() + 60 * MINUTE, clock.now(), 1_000)) transcript.push(message)
  transcript.push(cluster.writes, cluster.dryRuns.length, cluster.kube.writes)
  return JSON.stringify(transcript, undefined, 1)
}

const since = new WeakMap<StoryCluster, number>()

function written(cluster: StoryCluster, transcript: readonly unknown[], clock: StoryClock): number | undefined {
  const sent = transcript.some(entry => Array.isArray(entry) && entry[0] === 'sent')
  if (!sent && cluster.writes.length === 0 && cluster.kube.writes.length === 0) return undefined
  const first = since.get(cluster) ?? clock.now()
  since.set(cluster, first)
  return first
}

function overheard({ helm, http, readFile }: ActionNeeds, transcript: unknown[]): ActionNeeds {
  return {
    readFile,
    helm: {
      ...helm,
      rollback: (args, timeoutMs, signal) => {
        transcript.push(['sent', 'helm', args, timeoutMs])
        return helm.rollback(args, timeoutMs, signal)
      }
    },
    http: {
      send: (call, sending, signal) => {
        if (call.method !== 'GET') transcript.push(['sent', 'http', call, sending])
        else transcript.push(['looked', call, sending])
        return http.send(call, sending, signal)
      }
    }
  }
}

function answered({ url, body }: HttpRequest, clock: StoryClock, number: (query: string, at: number) => number | undefined): HttpResult {
  const form = new URLSearchParams(body)
  const query = form.get('query') ?? ''
  const at = (ms: number): number | undefined => (query.startsWith('time() -') ? AGE : number(query, ms))
  const pair = (ms: number) => {
    const value = at(ms)
    return value === undefined ? [] : [[ms / 1_000, String(value)]]
  }
  const ms = (name: string): number => Math.round(Number(form.get(name)) * 1_000)
  const times: number[] = []
  const ranged = String(url).endsWith('/query_range')
  if (ranged) for (let time = ms('start'); time <= ms('end'); time += ms('step')) times.push(time)
  const values = times.flatMap(pair)
  const data = ranged
    ? { resultType: 'matrix', result: values.length === 0 ? [] : [{ metric: {}, values }] }
    : { resultType: 'vector', result: pair(ms('time')).map(value => ({ metric: {}, value })) }
  const headers = { 'content-type': 'application/json', date: new Date(clock.now()).toUTCString() }
  return {
    kind: 'response',
    status: 200,
    headers,
    body: JSON.stringify({ status: 'success', data }),
    sentAt: clock.now(),
    receivedAt: clock.now()
  }
}
