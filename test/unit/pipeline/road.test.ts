import t from 'tap'
import { MINUTE, SECOND } from '../../../src/base/clock.ts'
import { openBench, policyOf } from '../../support/bench.ts'
import { NOON } from '../../support/workloads.ts'

const undoThenRestart = policyOf({
  steps: [
    { action: 'rollout-undo', with: {}, confirm: { within: 5 * MINUTE, passes: 3, every: 30_000 } },
    { action: 'rollout-restart', with: {}, confirm: { within: 5 * MINUTE, passes: 3, every: 30_000 } }
  ]
})

t.test('the main road: verified, undone once, confirmed, and told nobody but by notice', async t => {
  const bench = await openBench(t)
  await bench.fire()

  await bench.look()
  t.equal((await bench.run()).state, 'watching')
  t.equal(bench.cluster.writes.length, 1)
  bench.value = 0.001
  await bench.pass(10 * MINUTE)

  const run = await bench.run()
  t.equal(run.outcome, 'recovered')
  t.equal(bench.cluster.writes.length, 1)
  t.same(await bench.messages(), ['over: Deployment/shop/api: HighErrorRatio: recovered'])
  const [operations] = bench.cluster.writes.map(plan => plan.write.operations)
  t.same(
    operations?.slice(0, 2).map(({ op, path }) => [op, path]),
    [
      ['test', '/metadata/uid'],
      ['test', '/spec/template']
    ],
    'no write without preconditions'
  )
})

t.test('confirmation: samples count only when their window lies after the rollout, and in a row', async t => {
  const bench = await openBench(t)
  await bench.fire()
  await bench.look()
  const wrote = bench.clock.now()
  bench.samples.length = 0

  bench.value = 0.001
  await bench.pass(119 * SECOND)
  t.equal(bench.samples.length, 0, 'not before two minutes after the rollout')
  await bench.pass(31 * SECOND)
  bench.value = 0.4
  await bench.pass(30 * SECOND)
  bench.value = 0.001
  await bench.pass(60 * SECOND)
  t.equal((await bench.run()).state, 'watching', 'a failing sample begins the count anew')
  await bench.pass(60 * SECOND)

  t.equal((await bench.run()).outcome, 'recovered')
  t.ok((bench.samples[0]?.time ?? 0) >= wrote + 2 * MINUTE)
})

t.test('the alert resolving after the write is evidence, not recovery', async t => {
  const bench = await openBench(t)
  await bench.fire()
  await bench.look()

  bench.clock.tick(SECOND)
  await bench.resolve()
  await bench.pass(12 * MINUTE)

  t.equal((await bench.run()).outcome, 'ineffective', 'the query still fails')
})

t.test('only a re-verified fail climbs to the next rung; the ladder used up is ineffective', async t => {
  const bench = await openBench(t, { policies: [undoThenRestart] })
  await bench.fire()

  await bench.pass(19 * MINUTE)

  const run = await bench.run()
  t.equal(run.outcome, 'ineffective')
  t.same(
    bench.cluster.writes.map(plan => plan.action),
    ['rollout-undo', 'rollout-restart']
  )
  t.same(await bench.messages(), ['needs-people: Deployment/shop/api: HighErrorRatio: ineffective'])
})

t.test('inconclusive until the rung is over: unknown, people, no next rung', async t => {
  const bench = await openBench(t, { policies: [undoThenRestart] })
  await bench.fire()
  await bench.look()

  bench.value = 'no-data'
  await bench.pass(15 * MINUTE)

  t.equal((await bench.run()).outcome, 'unknown')
  t.equal(bench.cluster.writes.length, 1)
  t.equal((await bench.messages()).length, 1)
})

t.test('a rung’s confirmation is cut to what the escalation leaves', async t => {
  const bench = await openBench(t, { policies: [policyOf({ escalate: { after: 4 * MINUTE, to: ['people'] } })] })
  await bench.fire()
  await bench.look()

  await bench.pass(4 * MINUTE)

  const run = await bench.run()
  t.equal(run.outcome, 'ineffective')
  t.ok((run.endedAt ?? 0) <= NOON + 4 * MINUTE + 1_000)
})

t.test('an alert that flaps between two rungs stops the ladder for as long as it is gone, and no longer', async t => {
  const bench = await openBench(t, { policies: [undoThenRestart] })
  await bench.fire()
  await bench.pass(5 * MINUTE)
  await bench.resolve()
  await bench.pass(3 * MINUTE)
  t.same([(await bench.run()).state, (await bench.run()).reason, bench.cluster.writes.length], ['waiting', 'symptom-not-confirmed', 1])

  await bench.fire()
  await bench.pass(10 * MINUTE)

  t.same(
    bench.cluster.writes.map(plan => plan.action),
    ['rollout-undo', 'rollout-restart']
  )
})
