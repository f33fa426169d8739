import { freshDeliveries } from './payloads.ts'
import { type AsternServer, startAstern } from './processes.ts'
import { type Row, row } from './rows.ts'
import { residentMiB } from './start.ts'
import { NO_POLICIES } from './webhook.ts'

const LARGEST_BYTES = 10 * 1024 * 1024
const USUAL = 50

/**
 * (i) The largest delivery that is taken, in one piece, beside the same number of alerts in deliveries of fifty: how long it takes,
 * what it holds, and for how long nothing else is answered.
 */
export async function sizes(progress: (line: string) => void): Promise<readonly Row[]> {
  const alerts = Math.floor((LARGEST_BYTES * 0.99) / (freshDeliveries(100)().length / 100))
  progress(`${alerts.toLocaleString('en')} alerts in deliveries of ${USUAL}, then in one of ten megabytes`)
  const usual = await measure(freshDeliveries(USUAL), Math.ceil(alerts / USUAL))
  const largest = await measure(freshDeliveries(alerts), 1)
  const what = `a delivery of ${alerts.toLocaleString('en')} alerts, 10 MiB`
  return [
    row(`${what}: until it is stored, beside deliveries of ${USUAL}`, largest.took, 'ms', {
      baseline: usual.took,
      goal: { of: 'ratio', atMost: 2 }
    }),
    row(`${what}: memory (RSS) at most`, largest.memory, 'MiB', { baseline: usual.memory, goal: { of: 'value', atMost: 384 } }),
    row(`${what}: event-loop delay, p99`, largest.delay.p99, 'ms', { baseline: usual.delay.p99 }),
    row(`${what}: event-loop delay, longest`, largest.delay.longest, 'ms', { baseline: usual.delay.longest })
  ]
}

async function measure(body: () => string, times: number) {
  const astern = await startAstern({ policies: NO_POLICIES })
  const begun = performance.now()
  for (let time = 0; time < times; time += 1) {
    const answer = await fetch(`${astern.url}/webhooks/alertmanager`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: body()
    })
    await answer.arrayBuffer()
    if (answer.status !== 202) throw new Error(`a delivery was answered ${answer.status}`)
  }
  const took = performance.now() - begun
  const measured = { took, memory: residentMiB(astern.process.pid, 'VmHWM'), delay: await eventLoopDelay(astern) }
  await astern.stop()
  return measured
}

/** For how long the service did nothing but one thing since it began, milliseconds. */
export async function eventLoopDelay({ url }: Pick<AsternServer, 'url'>): Promise<{ readonly p99: number; readonly longest: number }> {
  const text = await (await fetch(`${url}/metrics`)).text()
  const of = (quantile: string): number => {
    const found = new RegExp(`^astern_event_loop_delay_seconds\\{quantile="${quantile}"\\} (\\S+)$`, 'm').exec(text)?.[1]
    if (found === undefined) throw new Error('the event-loop delay is not among the metrics')
    return Number(found) * 1_000
  }
  return { p99: of('0.99'), longest: of('1') }
}
