import { alert, delivery } from './payloads.ts'
import { policies } from './policy.ts'
import { startAstern, startSources } from './processes.ts'
import { type Row, row } from './rows.ts'

const TARGETS = 1_000
const WITHIN_MS = 120_000

/** (g) Alerts for a thousand targets, each matched, read, verified by PromQL, guarded and planned, up to the verdict of a dry run. */
export async function decisions(progress: (line: string) => void): Promise<readonly Row[]> {
  progress(`${TARGETS} targets`)
  const sources = await startSources()
  const astern = await startAstern({ policies: policies(sources.url), kubernetes: sources.url })
  const first = Math.floor(Math.random() * 1e9)
  const begun = performance.now()
  for (let from = 0; from < TARGETS; from += 100) {
    const alerts = Array.from({ length: 100 }, (_, index) => alert(first + from + index))
    const answer = await fetch(`${astern.url}/webhooks/alertmanager`, { method: 'POST', body: delivery(alerts) })
    if (answer.status !== 202) throw new Error(`the delivery was answered ${answer.status}`)
  }
  await untilDecided(astern.url, TARGETS, begun)
  const seconds = (performance.now() - begun) / 1_000
  await verdicts(astern.url)
  await astern.stop()
  await sources.stop()
  return [
    row(`decisions to a dry-run verdict, ${TARGETS.toLocaleString('en')} targets`, TARGETS / seconds, '/s', {
      goal: { of: 'value', atLeast: 500 }
    })
  ]
}

async function untilDecided(url: string, count: number, begun: number): Promise<void> {
  for (;;) {
    const { runs } = (await (await fetch(`${url}/api/v1/status`)).json()) as { readonly runs: Readonly<Record<string, number>> }
    if ((runs['ended'] ?? 0) >= count) return
    if (performance.now() - begun > WITHIN_MS) throw new Error(`not decided within ${WITHIN_MS / 1_000} s: ${JSON.stringify(runs)}`)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

/** A quick refusal would be no decision: every one must have got as far as a plan. */
async function verdicts(url: string): Promise<void> {
  const { items } = (await (await fetch(`${url}/api/v1/runs?limit=100`)).json()) as {
    readonly items: readonly { readonly outcome?: string; readonly detail?: string }[]
  }
  const wrong = items.find(run => run.outcome !== 'dry-run' || !/would put revision 1/.test(run.detail ?? ''))
  if (wrong !== undefined) throw new Error(`a run did not come to a plan: ${JSON.stringify(wrong)}`)
}
