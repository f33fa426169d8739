import t from 'tap'
import { openBench } from '../../support/bench.ts'

t.test('an alert that its own Alertmanager does not know waits: one label more would get past every silence', async t => {
  const bench = await openBench(t)
  bench.confirmed = ['am']
  bench.alertState = { kind: 'absent' }
  await bench.fire()

  await bench.look()
  t.same([(await bench.run()).state, (await bench.run()).reason], ['waiting', 'alert-unconfirmed'])
  t.equal(bench.cluster.writes.length, 0)

  bench.alertState = { kind: 'known', silencedBy: [], inhibitedBy: [] }
  await bench.pass(30_000)
  t.equal(bench.cluster.writes.length, 1, 'known by now')
})

t.test('an Alertmanager that the alert did not come from need not know it', async t => {
  const bench = await openBench(t)
  bench.alertState = { kind: 'absent' }
  await bench.fire()

  await bench.look()

  t.equal(bench.cluster.writes.length, 1)
})
