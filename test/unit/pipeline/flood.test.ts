import t from 'tap'
import { MINUTE } from '../../../src/base/clock.ts'
import { advance } from '../../../src/pipeline/run.ts'
import { admitIncidents } from '../../../src/pipeline/settle/admit.ts'
import { openBench, policyOf } from '../../support/bench.ts'
import { alertOf, deliveryOf } from '../../support/deliveries.ts'
import { badRollout, TARGET } from '../../support/workloads.ts'

const signal = new AbortController().signal
const once = policyOf().verify.map(query => ({ ...query, samples: 1 }))

t.test('two thousand forged alerts and one real behind them: it is decided by the second pass, and written', async t => {
  // Given forged alerts on one target, whose symptom is not there, and then a real one of another source on another target.
  const bench = await openBench(t, {
    policies: [
      policyOf({ name: 'forged', match: ['alertname="Forged"'], verify: once.map(query => ({ ...query, name: 'forged' })) }),
      policyOf({ verify: once })
    ]
  })
  bench.values.set('forged', 0.001)
  bench.cluster.put({ ...badRollout(), ref: { ...TARGET, name: 'web' }, uid: 'uid-web' })
  const forged = Array.from({ length: 2_000 }, (_, shard) =>
    alertOf({ alertname: 'Forged', namespace: 'shop', deployment: 'web', shard: String(shard) })
  )
  for (let from = 0; from < forged.length; from += 100)
    await bench.ledger.receive(deliveryOf(forged.slice(from, from + 100), { source: 'a-forger' }))
  await bench.fire()

  // When they are admitted once, and then one run after the other is worked on.
  await admitIncidents(bench.ports, signal)
  let passes = 0
  while (bench.cluster.writes.length === 0 && passes < 50) {
    for (const one of await bench.ledger.claimDue('bench', bench.clock.now(), MINUTE, 1)) await advance(bench.ports, one, signal)
    passes += 1
  }

  // Then the real one had its turn at once.
  t.ok(passes <= 2, `${passes} passes`)
  t.same(
    bench.cluster.writes.map(write => write.target.name),
    ['api']
  )
})

t.test('the same when the forged ones look again and again, half a minute apart', async t => {
  const bench = await openBench(t, { policies: [policyOf({ verify: once })] })
  bench.value = 0.001
  const forged = Array.from({ length: 500 }, (_, shard) =>
    alertOf({ alertname: 'HighErrorRatio', namespace: 'shop', deployment: 'api', shard: String(shard) })
  )
  await bench.ledger.receive(deliveryOf(forged, { source: 'a-forger' }))
  await bench.look()
  bench.clock.tick(MINUTE)
  bench.cluster.put({ ...badRollout(), ref: { ...TARGET, name: 'web' }, uid: 'uid-web' })
  await bench.fire({ alertname: 'HighErrorRatio', namespace: 'shop', deployment: 'web' })
  await admitIncidents(bench.ports, signal)
  const claimed = await bench.ledger.claimDue('bench', bench.clock.now(), MINUTE, 2)
  t.same(claimed.map(one => one.run.target?.name).sort(), ['api', 'web'])
})

t.test('the same where the forged ones come from the source of the real one: the targets alternate', async t => {
  const bench = await openBench(t, { policies: [policyOf({ verify: once })] })
  const forged = Array.from({ length: 500 }, (_, shard) =>
    alertOf({ alertname: 'HighErrorRatio', namespace: 'shop', deployment: 'web', shard: String(shard) })
  )
  await bench.ledger.receive(deliveryOf(forged, { source: 'am' }))
  await admitIncidents(bench.ports, signal)
  bench.clock.tick(1)
  await bench.fire()
  await admitIncidents(bench.ports, signal)
  const claimed = await bench.ledger.claimDue('bench', bench.clock.now(), MINUTE, 2)
  t.same(claimed.map(one => one.run.target?.name).sort(), ['api', 'web'])
})
