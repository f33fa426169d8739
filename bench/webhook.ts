import { post } from './load.ts'
import { freshDeliveries, repeatedDeliveries } from './payloads.ts'
import { startAstern, startBaseline } from './processes.ts'
import { type Row, row } from './rows.ts'

const CONNECTIONS = [1, 16, 64] as const
const ALERTS = [1, 10, 100] as const
const SECONDS = 2
const PATH = '/webhooks/alertmanager'
/** No policy: what is measured is the intake, and the admission that follows it. */
export const NO_POLICIES = { version: 1, policies: [] }

/**
 * (a) Deliveries a second, beside a bare handler and one that only appends and syncs: the limit for anything that is durable.
 * Every server is new for every line, and is warmed up for a second.
 */
export async function webhook(progress: (line: string) => void): Promise<readonly Row[]> {
  const rows: Row[] = []
  for (const alerts of ALERTS)
    for (const connections of CONNECTIONS) {
      const measure = async (server: { readonly url: string; stop(): Promise<void> }, body: () => string) => {
        const load = { url: server.url + PATH, connections, body }
        await post({ ...load, seconds: 1 })
        const measured = await post({ ...load, seconds: SECONDS })
        await server.stop()
        if (measured.bad > 0) throw new Error(`${measured.bad} deliveries were not taken`)
        return measured
      }
      const what = `${alerts} ${alerts === 1 ? 'alert' : 'alerts'} a request, ${connections} ${connections === 1 ? 'connection' : 'connections'}`
      progress(what)
      const bare = await measure(await startBaseline('bare'), freshDeliveries(alerts))
      const durable = await measure(await startBaseline('durable'), freshDeliveries(alerts))
      const fresh = await measure(await startAstern({ policies: NO_POLICIES }), freshDeliveries(alerts))
      const again = await measure(await startAstern({ policies: NO_POLICIES }), repeatedDeliveries(alerts))
      const atLeast = connections !== 64 ? undefined : alerts === 1 ? 0.6 : alerts === 100 ? 0.4 : undefined
      const goal = atLeast === undefined ? {} : { goal: { of: 'ratio', atLeast } as const }
      rows.push(row(`durable limit beside a bare handler; ${what}`, durable.perSecond, 'requests/s', { baseline: bare.perSecond }))
      rows.push(row(`new incidents; ${what}`, fresh.perSecond, 'requests/s', { baseline: durable.perSecond, ...goal }))
      rows.push(row(`heartbeats; ${what}`, again.perSecond, 'requests/s', { baseline: durable.perSecond, ...goal }))
    }
  progress('1,000 alerts/s')
  for (const [kind, body] of [
    ['new incidents', freshDeliveries(1)],
    ['heartbeats', repeatedDeliveries(1)]
  ] as const) {
    const server = await startAstern({ policies: NO_POLICIES })
    const measured = await post({ url: server.url + PATH, connections: 16, seconds: 10, rate: 1_000, body })
    await server.stop()
    rows.push(row(`p99 at 1,000 alerts/s, ${kind}`, measured.p99, 'ms', { goal: { of: 'value', atMost: 50 } }))
  }
  return rows
}
