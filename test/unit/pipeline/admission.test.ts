import t from 'tap'
import { SECOND } from '../../../src/base/clock.ts'
import { targetKey } from '../../../src/domain/objects.ts'
import { admitIncidents } from '../../../src/pipeline/settle/admit.ts'
import { type Bench, openBench } from '../../support/bench.ts'
import { alertOf, deliveryOf } from '../../support/deliveries.ts'

const signal = new AbortController().signal
const labels = (deployment: string, shard: number) => ({ alertname: 'HighErrorRatio', namespace: 'shop', deployment, shard: String(shard) })

async function send(bench: Bench, source: string, deployment: string, count: number): Promise<void> {
  const alerts = Array.from({ length: count }, (_, shard) => alertOf(labels(deployment, shard)))
  await bench.ledger.receive(deliveryOf(alerts, { source, receivedAt: bench.clock.now() }))
}

/** How many runs each target of a source has. */
async function admitted(bench: Bench): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
    const page = await bench.ledger.runs({}, cursor, 1_000)
    for (const run of page.items) {
      const source = run.trigger.kind === 'alert' ? run.trigger.incident.source : ''
      const key = `${source} ${run.target === undefined ? '' : targetKey(run.target)}`
      counts[key] = (counts[key] ?? 0) + 1
    }
    cursor = page.next
  }
  return counts
}

async function admitAll(bench: Bench): Promise<void> {
  while ((await admitIncidents(bench.ports, signal)) > 0);
}

t.test('a source that sends thousands is slowed, nothing of it is dropped, and another source is not delayed', async t => {
  const bench = await openBench(t)
  const slowed: string[] = []
  bench.ports.recorder.slowed = (source, incidents) => void slowed.push(`${source} ${incidents}`)
  // Given 2,000 alerts of one source on one target, and then one alert of another source.
  await send(bench, 'forger', 'api', 2_000)
  await send(bench, 'honest', 'web', 1)

  // When incidents are admitted for the first time.
  await admitIncidents(bench.ports, signal)
  t.equal((await admitted(bench))['honest Deployment/shop/web'], 1, 'the other source has its turn in the first batch')
  await admitAll(bench)

  // Then the first source has what it may have at once, and gets the rest as time passes.
  t.equal((await admitted(bench))['forger Deployment/shop/api'], 1_000)
  t.equal(await bench.ledger.incidentsInLine(), 1_000)
  t.same(
    slowed,
    ['forger 999', 'forger 1000', 'forger 1'].filter(line => slowed.includes(line))
  )
  bench.clock.tick(2 * SECOND)
  await admitAll(bench)
  t.equal((await admitted(bench))['forger Deployment/shop/api'], 1_200)
  bench.clock.tick(60 * SECOND)
  await admitAll(bench)
  t.equal((await admitted(bench))['forger Deployment/shop/api'], 2_000)
  t.equal(await bench.ledger.incidentsInLine(), 0)
})

t.test('within a slowed source the turns of the targets alternate', async t => {
  const bench = await openBench(t)
  await send(bench, 'am', 'api', 2_000)
  await admitAll(bench)
  await send(bench, 'am', 'web', 1)
  await admitAll(bench)
  t.equal((await admitted(bench))['am Deployment/shop/web'], undefined)
  bench.clock.tick(20)
  await admitAll(bench)
  t.equal((await admitted(bench))['am Deployment/shop/web'], 1, 'of the next two that are admitted it is one')
})

t.test('a restart forgets neither the line nor the allowance', async t => {
  const bench = await openBench(t)
  await send(bench, 'am', 'api', 1_100)
  await admitAll(bench)
  t.equal(await bench.ledger.incidentsInLine(), 100)
  const room = await bench.ledger.admissionRoom(bench.clock.now())
  t.same([room.anyInLine, room.of('am'), room.of('never seen')], [true, 0, 1_000])
})

t.test('a thousand alerts are matched in stretches: others are answered between', async t => {
  const bench = await openBench(t)
  await send(bench, 'forger', 'api', 1_000)
  const { match } = bench.ports.policies
  let together = 0
  let most = 0
  bench.ports.policies.match = labelled => {
    together += 1
    most = Math.max(most, together)
    return match(labelled)
  }
  const turn = (): void => {
    together = 0
    next = setImmediate(turn)
  }
  let next = setImmediate(turn)
  t.teardown(() => clearImmediate(next))

  await admitIncidents(bench.ports, signal)

  // A turn of the event loop may end one stretch and begin the next.
  t.ok(most <= 64, `${most} alerts in one turn`)
})
