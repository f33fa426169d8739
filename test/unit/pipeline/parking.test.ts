import t from 'tap'
import { MINUTE } from '../../../src/base/clock.ts'
import type { Run } from '../../../src/domain/run.ts'
import { type Bench, openBench } from '../../support/bench.ts'

const labels = (shard: number) => ({ alertname: 'HighErrorRatio', namespace: 'shop', deployment: 'api', shard: String(shard) })

async function runsOf(bench: Bench): Promise<readonly Run[]> {
  return (await bench.ledger.runs({}, undefined, 1_000)).items.toReversed()
}

/** Many alerts on one target, whose symptom is real; the switch is lowered, so that whoever confirmed it waits. */
async function confirmedFlood(t: Parameters<typeof openBench>[0], count: number): Promise<Bench> {
  const bench = await openBench(t)
  await bench.ledger.setSwitch({ mode: 'dry-run', reason: 'test', by: 'test', at: bench.clock.now() })
  for (let shard = 0; shard < count; shard += 1) await bench.fire(labels(shard))
  await bench.look()
  return bench
}

t.test('a hundred alerts on one target: the run that confirmed the symptom parks the others, and they ask nothing', async t => {
  const bench = await confirmedFlood(t, 100)
  const [parker, ...others] = await runsOf(bench)
  t.equal(parker?.reason, 'switch-lowered')
  t.ok(others.every(run => run.reason === 'target-busy' && run.parkedBy === parker?.id && run.detail?.includes(parker?.id ?? '') === true))

  // When a minute and a half passes, with three looks at each run that waits by itself.
  const before = bench.samples.length
  await bench.pass(1.5 * MINUTE)
  t.ok(bench.samples.length - before <= 8, `${bench.samples.length - before} samples`)
  t.equal((await bench.audit('decision')).filter(row => 'reason' in row.body && row.body.reason === 'target-busy').length, 99)

  // When one more comes, and all of them fire again.
  const sampled = bench.samples.length
  for (let shard = 0; shard < 101; shard += 1) if (shard !== 0) await bench.fire(labels(shard))
  t.ok(((await bench.ledger.nextDue()) ?? 0) > bench.clock.now(), 'a heartbeat does not even make a parked run due')
  await bench.look()
  t.equal(bench.samples.length, sampled, 'neither a new one nor a heartbeat of a parked one asks anything')
  t.equal((await runsOf(bench)).filter(run => run.parkedBy === parker?.id).length, 100)
})

t.test('when the run that parks them no longer sees the symptom, the others are looked at again', async t => {
  const bench = await confirmedFlood(t, 10)
  bench.value = 0.001
  await bench.pass(MINUTE)
  const runs = await runsOf(bench)
  t.ok(runs.every(run => run.reason === 'symptom-not-confirmed' && run.parkedBy === undefined))
})

t.test('when the run that parks them ended, the others are looked at again', async t => {
  const bench = await openBench(t)
  await bench.ledger.setSwitch({ mode: 'dry-run', reason: 'test', by: 'test', at: bench.clock.now() })
  await bench.fire(labels(0))
  await bench.look()
  await bench.fire(labels(1))
  await bench.look()
  t.ok((await runsOf(bench))[1]?.parkedBy)
  await bench.resolve(labels(0))
  await bench.look()
  t.match(await runsOf(bench), [{ reason: 'target-busy' }, { reason: 'switch-lowered' }])
  t.equal((await runsOf(bench))[1]?.parkedBy, undefined)
})

t.test('a parked run’s own time goes on, and its own alert ends it', async t => {
  const bench = await openBench(t)
  await bench.ledger.setSwitch({ mode: 'dry-run', reason: 'test', by: 'test', at: bench.clock.now() })
  for (const shard of [0, 1]) await bench.fire(labels(shard))
  await bench.look()
  bench.clock.tick(5 * MINUTE)
  for (const shard of [2, 3]) await bench.fire(labels(shard))
  await bench.look()
  await bench.resolve(labels(2))
  await bench.look()
  t.equal((await runsOf(bench))[2]?.reason, 'target-busy', 'a claim: the query still fails')
  bench.value = 0.001
  await bench.resolve(labels(3))
  await bench.look()
  bench.value = 0.4
  t.equal((await runsOf(bench))[3]?.outcome, 'resolved')
  await bench.pass(15 * MINUTE)
  const [first, second, third] = await runsOf(bench)
  t.same([first?.outcome, second?.outcome, third?.outcome], ['timed-out', 'timed-out', undefined])
  await bench.pass(5 * MINUTE)
  t.equal((await runsOf(bench))[2]?.outcome, 'timed-out')
})

t.test('a run that waits because of its own alert parks nobody: a silence on a forged alert must not hold up the real one', async t => {
  const bench = await openBench(t)
  bench.alertState = { kind: 'known', silencedBy: ['s-1'], inhibitedBy: [] }
  await bench.fire(labels(0))
  await bench.look()
  t.equal((await bench.run()).reason, 'silenced')
  bench.alertState = undefined
  await bench.fire(labels(1))
  await bench.look()
  t.equal(bench.cluster.writes.length, 1)
})

t.test('an alert that its Alertmanager does not know parks nobody either', async t => {
  const bench = await openBench(t)
  bench.confirmed = ['am']
  bench.alertState = { kind: 'absent' }
  await bench.fire(labels(0))
  await bench.look()
  t.equal((await bench.run()).reason, 'alert-unconfirmed')
  bench.alertState = { kind: 'known', silencedBy: [], inhibitedBy: [] }
  await bench.fire(labels(1))
  await bench.look()
  t.equal(bench.cluster.writes.length, 1)
})
