import { once } from 'node:events'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import { join } from 'node:path'
import t from 'tap'
import { startApp } from '../../../src/app/app.ts'
import { createPulse } from '../../../src/app/pulse.ts'
import { createVitalSigns } from '../../../src/app/vital-signs.ts'
import { MINUTE, SECOND } from '../../../src/base/clock.ts'
import { readConfig } from '../../../src/config.ts'
import type { HeartbeatTold } from '../../../src/domain/heartbeat.ts'
import { noFaults } from '../../../src/domain/ports/faults.ts'
import type { Ledger } from '../../../src/domain/ports/ledger.ts'
import type { WatchState } from '../../../src/domain/watch-state.ts'
import { startHeartbeat } from '../../../src/notify/heartbeat.ts'
import { startSender } from '../../../src/notify/sender.ts'
import { createWorker } from '../../../src/pipeline/worker.ts'
import { openBench } from '../../support/bench.ts'
import { HandClock } from '../../support/hand-clock.ts'
import { messageOf } from '../../support/ledger-fixture.ts'
import { ledgerFolder } from '../../support/open-ledger.ts'
import { KUBECONFIG } from '../../support/server-fixture.ts'
import { NOON } from '../../support/workloads.ts'

/** The same ledger, and whether one of its calls is under way. */
function underWay(ledger: Ledger): { readonly counted: Ledger; readonly busy: () => boolean } {
  let calls = 0
  const counted = new Proxy(ledger, {
    get(target, name) {
      const found: unknown = Reflect.get(target, name)
      if (typeof found !== 'function') return found
      return (...given: readonly unknown[]) => {
        const answer: unknown = Reflect.apply(found, target, given)
        if (!(answer instanceof Promise)) return answer
        calls += 1
        return answer.finally(() => {
          calls -= 1
        })
      }
    }
  })
  return {
    counted: Object.fromEntries(Object.keys(ledger).map(name => [name, Reflect.get(counted, name)])) as unknown as Ledger,
    busy: () => calls > 0
  }
}

t.test('the heartbeat stops when the worker hangs, though every timer goes on', async t => {
  // Given a worker and a sender over a real ledger.
  const bench = await openBench(t)
  const { counted, busy } = underWay(bench.ledger)
  const clock = new HandClock(busy)
  const pulse = createPulse(clock)
  let hangs = false
  const ledger: typeof bench.ledger = {
    ...counted,
    unadmitted: limit => (hangs ? new Promise(() => {}) : counted.unadmitted(limit))
  }
  const worker = createWorker({ ...bench.ports, ledger, clock }, { owner: 'w', turned: () => pulse.turned('worker') })
  const sender = startSender({
    ...{ ledger, clock, faults: noFaults, channel: () => undefined, fallbacks: () => new Map() },
    sent: () => {},
    failed: () => {},
    turned: () => pulse.turned('sender')
  })
  const told: HeartbeatTold[] = []
  let watches: readonly WatchState[] = []
  const heart = startHeartbeat({
    clock,
    settings: () => ({ urlFile: 'url', method: 'GET', every: MINUTE }),
    ailments: createVitalSigns({ pulse, ledger, channels: () => ['people'], watches: () => watches }),
    readFile: async () => 'https://hc.example.org/x',
    http: { request: async () => ({ kind: 'response', status: 200, headers: {}, body: 'OK', sentAt: 0, receivedAt: 0 }) },
    beaten: one => void told.push(one)
  })
  t.teardown(() => Promise.all([heart.stop(), sender.stop()]))
  const minute = async (): Promise<string> => {
    pulse.turned('guards')
    pulse.turned('lookout')
    await clock.pass(MINUTE)
    const { result, detail } = told.at(-1) ?? { result: 'nothing', detail: '' }
    return detail === '' ? result : `${result}: ${detail}`
  }
  t.match(await minute(), /^withheld: the worker has not finished a turn yet/, 'nobody started it')
  worker.start()
  t.equal(await minute(), 'sent')
  t.equal(await minute(), 'sent')

  // When every deployment watched is out of sight, or one of two.
  const watch = { kind: 'Deployment', since: 0, detail: '' } as const
  watches = [{ ...watch, state: 'unreachable' }]
  t.equal(await minute(), 'withheld: the cluster is not seen: unreachable')
  watches = [
    { ...watch, state: 'unreachable' },
    { ...watch, state: 'watching' }
  ]
  t.equal(await minute(), 'sent', 'one watch that is blind is told by itself')

  // When the worker’s turn never ends.
  hangs = true
  await minute()
  await minute()
  t.match(await minute(), /^withheld: the worker has not finished a turn for 1[2-9]\d s$/)
})

t.test('it stops when the ledger cannot be written, and when messages are stuck', async t => {
  const bench = await openBench(t)
  const clock = new HandClock()
  const pulse = createPulse(clock)
  for (const loop of ['worker', 'sender', 'guards', 'lookout'] as const) pulse.turned(loop)
  const parts = { pulse, ledger: bench.ledger, channels: () => ['people'], watches: () => [] }
  t.same(await createVitalSigns(parts)(), [])
  const full = { ...bench.ledger, checkWritable: () => Promise.reject(new Error('database or disk is full')) }
  t.same(await createVitalSigns({ ...parts, ledger: full })(), ['the ledger does not take writes: database or disk is full'])

  await bench.fire()
  await bench.look()
  const [claimed] = await bench.ledger.claimDue('one', NOON + 10 * MINUTE, MINUTE, 10)
  if (claimed === undefined) throw new Error('nothing was due')
  await bench.ledger.save(claimed.claim, { change: {}, audit: [], messages: [messageOf({ key: 'k' })] }, NOON)
  const fail = async (times: number): Promise<void> => {
    for (let time = 0; time < times; time += 1)
      for (const queued of await bench.ledger.claimMessages(NOON + 30 * MINUTE, NOON + 31 * MINUTE, 10))
        await bench.ledger.messageSent(queued, { kind: 'failed', detail: '503' }, NOON, NOON)
  }
  await fail(9)
  t.same(await createVitalSigns(parts)(), [], 'nine attempts take four minutes: it may pass')
  await fail(1)
  t.same(await createVitalSigns(parts)(), ['messages for people are stuck: people'])
  t.same(await createVitalSigns({ ...parts, channels: () => ['others'] })(), [], 'what a channel has that was taken away holds up nothing')
})

t.test('the whole of Astern sends it, and its URL stands in no log, in no answer and not in the ledger', async t => {
  const SECRET = 'f00dfeedc0ffee'
  let pings = 0
  const arrived = Promise.withResolvers<void>()
  const service = http.createServer((request, response) => {
    if (request.url === `/ping/${SECRET}`) pings += 1
    // The first is refused, so that a failure is told too.
    response.writeHead(pings === 1 ? 500 : 200).end(`you asked for ${request.url}`)
    if (pings >= 2) arrived.resolve()
  })
  service.listen(0, '127.0.0.1')
  await once(service, 'listening')
  const address = service.address()
  const port = address === null || typeof address === 'string' ? 0 : address.port
  const folder = ledgerFolder(t)
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }
  const heartbeat = { urlFile: file('url', `http://127.0.0.1:${port}/ping/${SECRET}\n`), every: '1s' }
  let log = ''
  const app = await startApp(
    readConfig(
      {
        policies: file('policies.yaml', JSON.stringify({ version: 1, policies: [], heartbeat })),
        kubeconfig: file('kubeconfig', JSON.stringify(KUBECONFIG)),
        dataDir: join(folder, 'data'),
        listen: '127.0.0.1:0',
        logLevel: 'debug'
      },
      {}
    ),
    {
      output: {
        write(line) {
          log += line
        }
      }
    }
  )
  let stopped = false
  const stop = async (): Promise<void> => {
    if (!stopped) await app.stop()
    stopped = true
  }
  t.teardown(async () => {
    await stop()
    service.close()
    service.closeAllConnections()
  })
  await arrived.promise
  let status: { readonly heartbeat?: { readonly result?: string } } = {}
  while (status.heartbeat?.result !== 'sent') status = (await (await fetch(`${app.address}/api/v1/status`)).json()) as typeof status
  t.match(status.heartbeat, { result: 'sent', detail: '' })
  const metrics = await (await fetch(`${app.address}/metrics`)).text()
  t.match(metrics, /astern_heartbeats_total\{result="failed"\} 1\n/)
  t.match(log, /"detail":"answered 500"/)
  t.match(log, /the heartbeat is sent again/)
  await stop()
  t.notMatch(log, SECRET)
  t.notMatch(JSON.stringify(status), SECRET)
  const data = join(folder, 'data')
  for (const name of readdirSync(data)) t.notOk(readFileSync(join(data, name)).includes(SECRET), name)
  const before = pings
  await new Promise(resolve => setTimeout(resolve, SECOND + 200))
  t.equal(pings, before, 'what is stopped is silent')
})
