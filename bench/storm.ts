import { setTimeout as wait } from 'node:timers/promises'
import { openAuditFile } from '../src/ledger/sqlite/audit-file.ts'
import { alert, delivery } from './payloads.ts'
import { policies } from './policy.ts'
import { startAstern, startSources } from './processes.ts'
import { type Row, row } from './rows.ts'
import { eventLoopDelay } from './sizes.ts'
import { residentMiB } from './start.ts'

const ALERTS = 50_000
const SECONDS = 60
const EACH = 50

/** (e) Fifty thousand alerts of as many targets, evenly over a minute, all matched by a policy: the storm brake must hold. */
export async function storm(progress: (line: string) => void): Promise<readonly Row[]> {
  progress(`${ALERTS.toLocaleString('en')} alerts in ${SECONDS} s`)
  const sources = await startSources()
  const astern = await startAstern({ policies: policies(sources.url, { storm: true }), kubernetes: sources.url })
  const first = Math.floor(Math.random() * 1e9)
  const requests = ALERTS / EACH
  const begun = performance.now()
  const sent: Promise<boolean>[] = []
  for (let request = 0; request < requests; request += 1) {
    await wait(Math.max(0, begun + (request * SECONDS * 1_000) / requests - performance.now()))
    const alerts = Array.from({ length: EACH }, (_, index) => alert(first + request * EACH + index))
    sent.push(
      fetch(`${astern.url}/webhooks/alertmanager`, { method: 'POST', body: delivery(alerts) }).then(async answer => {
        await answer.arrayBuffer()
        return answer.status === 202
      })
    )
  }
  const taken = (await Promise.all(sent)).filter(Boolean).length
  const took = (performance.now() - begun) / 1_000
  const delay = await eventLoopDelay(astern)
  const memory = residentMiB(astern.process.pid, 'VmHWM')
  const file = await openAuditFile(astern.dataDir)
  const stored = await countOpened(file)
  const fault = (await file.verify()).fault
  await file.close()
  await astern.stop()
  await sources.stop()
  if (fault !== undefined) throw new Error(`the audit chain does not verify: ${fault.detail}`)
  return [
    row(`storm: deliveries acknowledged, of ${requests.toLocaleString('en')} in ${took.toFixed(0)} s`, taken, '', {
      goal: { of: 'value', atLeast: requests }
    }),
    row(`storm: incidents in the ledger, of ${ALERTS.toLocaleString('en')}`, stored, '', { goal: { of: 'value', atLeast: ALERTS } }),
    row('storm: memory (RSS) at most', memory, 'MiB', { goal: { of: 'value', atMost: 256 } }),
    row('storm: event-loop delay, p99', delay.p99, 'ms'),
    row('storm: event-loop delay, longest', delay.longest, 'ms')
  ]
}

async function countOpened(file: Awaited<ReturnType<typeof openAuditFile>>): Promise<number> {
  let opened = 0
  let after = 0
  for (;;) {
    const rows = await file.rows(after, 1_000)
    const last = rows.at(-1)
    if (last === undefined) return opened
    opened += rows.filter(one => one.kind === 'incident-opened').length
    after = last.seq
  }
}
