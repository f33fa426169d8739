import http from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { alert, delivery } from './payloads.ts'
import { policies } from './policy.ts'
import { type AsternServer, type Server, startAstern, startSources } from './processes.ts'
import { type Row, row } from './rows.ts'

const TIMES = 40
/** Not counted: the code is still being compiled. */
const WARM = 40

interface Call {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** A flood held a real alert up for 114 s before the lines were fair. That must be seen too. */
const WRITTEN_WITHIN_MS = 180_000

/** About what one call of a Prometheus or an API server takes in a cluster. */
const USUAL_MS = 5

/**
 * (b) From the alert's request to the arrival of the guarded write, beside the same calls one after the other: once with
 * answers that are there at once, so that only Astern's own time is left, and once with answers that take as long as usual.
 */
export async function alertToWrite(progress: (line: string) => void): Promise<readonly Row[]> {
  return [await measureWrites(0, progress), await measureWrites(USUAL_MS, progress)]
}

async function measureWrites(delayMs: number, progress: (line: string) => void): Promise<Row> {
  const answers = delayMs === 0 ? 'answers at once' : `answers after ${delayMs} ms`
  progress(`${WARM + TIMES} alerts, one after the other, ${answers}`)
  const sources = await startSources(delayMs)
  const astern = await startAstern({ policies: policies(sources.url, { mode: 'auto' }), kubernetes: sources.url, mode: 'auto' })
  const took: number[] = []
  const first = Math.floor(Math.random() * 1e9)
  let calls: readonly Call[] = []
  for (let index = 0; index < WARM + TIMES; index += 1) {
    await json(`${sources.url}/bench/calls?record=1`)
    const begun = performance.timeOrigin + performance.now()
    await send(astern, delivery([alert(first + index)]))
    const written = await writtenAt(sources, `api-${first + index}`)
    if (index >= WARM) took.push(written - begun)
    // What came after the write (the confirmation's first looks) is not part of it.
    const recorded = (await json(`${sources.url}/bench/calls`)) as readonly Call[]
    const write = recorded.findIndex(call => call.method === 'PATCH' && !call.url.includes('dryRun'))
    calls = decisionCalls(recorded.slice(0, write + 1), `api-${first + index}`)
  }
  await astern.stop()
  const bare = await replay(sources, calls)
  await sources.stop()
  return row(`alert in → guarded write out, ${answers}, median of ${TIMES} (${calls.length} calls)`, median(took), 'ms', {
    baseline: bare,
    goal: { of: 'ratio', atMost: 1.5 }
  })
}

/** Those about the target; probes, and what is confirmed of earlier targets, belong to other work. */
function decisionCalls(calls: readonly Call[], target: string): readonly Call[] {
  const whole = new RegExp(`${target}(?!\\d)`)
  return calls.filter(call => whole.test(call.url) || whole.test(decodeURIComponent(call.body)))
}

/** (f) A dry run by the API, beside the same calls one after the other; and how much of it goes into dating the symptom. */
export async function dryRuns(progress: (line: string) => void): Promise<readonly Row[]> {
  const atOnce = await measureDryRuns(0, progress)
  const usual = await measureDryRuns(USUAL_MS, progress)
  const name = `the symptom’s first sample and its dating, of a whole dry run, answers after ${USUAL_MS} ms`
  return [
    row(`dry run by the API, median of ${TIMES} (${atOnce.calls} calls)`, atOnce.took, 'ms', { baseline: atOnce.bare }),
    row(name, usual.symptom, 'ms', { baseline: usual.took })
  ]
}

async function measureDryRuns(delayMs: number, progress: (line: string) => void) {
  progress(`${WARM + TIMES} dry runs, one after the other, answers after ${delayMs} ms`)
  const sources = await startSources(delayMs)
  const astern = await startAstern({ policies: policies(sources.url), kubernetes: sources.url })
  const took: number[] = []
  const symptom: number[] = []
  let calls: readonly Call[] = []
  for (let index = 0; index < WARM + TIMES; index += 1) {
    await json(`${sources.url}/bench/calls?record=1`)
    const begun = performance.now()
    const answer = await fetch(`${astern.url}/api/v1/dry-runs`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ policy: 'api-5xx-after-deploy', target: { kind: 'Deployment', namespace: 'shop', name: `api-${index}` } })
    })
    const text = await answer.text()
    if (index >= WARM) {
      took.push(performance.now() - begun)
      symptom.push(Number(/"stage":"symptom","ms":(\d+)/.exec(text)?.[1]))
    }
    if (!/put revision 1/.test(text)) throw new Error(`a dry run came to no plan: ${text}`)
    calls = decisionCalls((await json(`${sources.url}/bench/calls`)) as readonly Call[], `api-${index}`)
  }
  await astern.stop()
  const bare = await replay(sources, calls)
  await sources.stop()
  return { took: median(took), symptom: median(symptom), bare, calls: calls.length }
}

export async function send(astern: AsternServer, body: string, token = 'webhook'): Promise<void> {
  const headers = { authorization: `Bearer ${token}` }
  const answer = await fetch(`${astern.url}/webhooks/alertmanager`, { method: 'POST', headers, body })
  if (answer.status !== 202) throw new Error(`the delivery was answered ${answer.status}`)
}

export async function writtenAt(sources: Server, target: string): Promise<number> {
  const until = Date.now() + WRITTEN_WITHIN_MS
  for (;;) {
    const writes = (await json(`${sources.url}/bench/writes`)) as Readonly<Record<string, number>>
    const at = writes[target]
    if (at !== undefined) return at
    if (Date.now() > until) throw new Error(`${target} was not written within ${WRITTEN_WITHIN_MS / 1_000} s`)
    await wait(5)
  }
}

async function json(url: string): Promise<unknown> {
  return (await fetch(url)).json()
}

/** The same requests over one kept connection, each after the one before: what they cost without anything that decides. */
async function replay(sources: Server, calls: readonly Call[]): Promise<number> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
  const sums: number[] = []
  for (let time = 0; time < TIMES; time += 1) {
    let sum = 0
    for (const call of calls) {
      const begun = performance.now()
      await new Promise<void>((resolve, reject) => {
        const request = http.request(sources.url + call.url, { method: call.method, agent, headers: call.headers }, response => {
          response.on('data', () => {})
          response.on('end', resolve)
        })
        request.on('error', reject)
        request.end(call.body)
      })
      sum += performance.now() - begun
    }
    sums.push(sum)
  }
  agent.destroy()
  return median(sums)
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}
