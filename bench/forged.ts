import { median, send, writtenAt } from './latency.ts'
import { alert, delivery } from './payloads.ts'
import { policies } from './policy.ts'
import { type AsternServer, type Server, startAstern, startSources } from './processes.ts'
import { type Row, row } from './rows.ts'

const FORGED = 2_000
const EACH = 50
const ALONE = 20
/** Not counted: the code is still being compiled. */
const WARM = 20
const FLOODS = 3

/**
 * (h) A real alert right behind two thousand forged ones, which name another target and come from another source: from the alert's
 * request to the arrival of the guarded write, beside the same without the forged ones. The window of the query is over at once.
 */
export async function forged(progress: (line: string) => void): Promise<readonly Row[]> {
  progress(`${FORGED.toLocaleString('en')} forged alerts before a real one, ${FLOODS} times`)
  const sources = await startSources()
  const astern = await startAstern({ policies: policies(sources.url, { mode: 'auto' }), kubernetes: sources.url, mode: 'auto' })
  const first = Math.floor(Math.random() * 1e9)
  const alone: number[] = []
  for (let index = 0; index < WARM + ALONE; index += 1) {
    const took = await realOne(astern, sources, first + index)
    if (index >= WARM) alone.push(took)
  }
  const beside: number[] = []
  for (let flood = 0; flood < FLOODS; flood += 1) {
    await sendForged(astern, flood)
    beside.push(await realOne(astern, sources, first + WARM + ALONE + flood))
  }
  await astern.stop()
  await sources.stop()
  return [
    row(`real alert behind ${FORGED.toLocaleString('en')} forged ones → guarded write out, worst of ${FLOODS}`, Math.max(...beside), 'ms', {
      baseline: median(alone),
      goal: { of: 'value', atMost: 5_000 }
    })
  ]
}

async function realOne(astern: AsternServer, sources: Server, id: number): Promise<number> {
  const begun = performance.timeOrigin + performance.now()
  await send(astern, delivery([alert(id)]))
  return (await writtenAt(sources, `api-${id}`)) - begun
}

/** Alerts that differ in one label, all about one target that has no errors. */
async function sendForged(astern: AsternServer, flood: number): Promise<void> {
  for (let from = 0; from < FORGED; from += EACH) {
    const alerts = Array.from({ length: EACH }, (_, index) =>
      alert(flood)
        .replaceAll(`"api-${flood}"`, `"forged-${flood}"`)
        .replace('"cluster":"eu-1"', `"cluster":"eu-${from + index}"`)
    )
    await send(astern, delivery(alerts), 'forger')
  }
}
