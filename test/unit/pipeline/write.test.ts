import t from 'tap'
import { MINUTE, SECOND } from '../../../src/base/clock.ts'
import { afterIntent, type Bench, openBench, policyOf } from '../../support/bench.ts'
import { NOON, revisionOf, TARGET, workloadOf } from '../../support/workloads.ts'

t.test('deployed forward between decision and write: withdrawn, hands off', async t => {
  const bench = await openBench(t)
  bench.cluster.beforeWrite = () =>
    bench.cluster.put(
      workloadOf([
        revisionOf(1, 'app:v1', NOON - 300 * MINUTE),
        revisionOf(2, 'app:v2', NOON - 10 * MINUTE),
        revisionOf(3, 'app:v3', bench.clock.now() + 5_000)
      ])
    )
  await bench.fire()

  await bench.look()

  t.equal((await bench.run()).reason, 'changed-since-symptom')
  t.equal((await bench.ledger.targetFacts(TARGET, [], 'x', bench.clock.now())).lockedBy, undefined, 'the target is free again')
  t.equal((await bench.audit('intent-withdrawn')).length, 1)
})

t.test('a failed precondition with the same template is planned again, at most three times', async t => {
  const conflict = { answer: { kind: 'conflict' as const, detail: '422' }, happens: false }
  const bench = await openBench(t)
  bench.cluster.answers = [conflict, conflict, conflict]
  await bench.fire()
  await bench.look()
  t.equal((await bench.run()).state, 'watching', 'the fourth went through')
  t.equal(bench.cluster.writes.length, 4)

  const other = await openBench(t)
  other.cluster.answers = [conflict, conflict, conflict, conflict, conflict]
  await other.fire()
  await other.look()

  t.equal((await other.run()).outcome, 'failed')
  t.equal(other.cluster.writes.length, 4)
})

t.test('an answer that never came is observed: there → go on; not there → once more, with the same preconditions', async t => {
  const lost = { kind: 'unknown' as const, detail: 'timeout' }
  const bench = await openBench(t)
  bench.cluster.answers = [{ answer: lost, happens: true }]
  await bench.fire()
  await bench.pass(30 * SECOND)
  t.equal((await bench.run()).state, 'watching')
  t.equal(bench.cluster.writes.length, 1, 'the effect was seen')

  const other = await openBench(t)
  other.cluster.answers = [{ answer: lost, happens: false }]
  await other.fire()
  await other.pass(30 * SECOND)
  t.equal((await other.run()).state, 'watching')
  t.equal(other.cluster.writes.length, 2)
  t.same(other.cluster.writes[0]?.write, other.cluster.writes[1]?.write, 'the very same write')

  const third = await openBench(t)
  third.cluster.answers = [
    { answer: lost, happens: false },
    { answer: lost, happens: false }
  ]
  await third.fire()
  await third.pass(60 * SECOND)
  t.equal((await third.run()).outcome, 'unknown')
  t.equal(third.cluster.writes.length, 2, 'never a third time')
})

t.test('the API server refuses the write: failed, people', async t => {
  const bench = await openBench(t)
  bench.cluster.answers = [{ answer: { kind: 'refused', detail: '400: admission webhook says no' }, happens: false }]
  await bench.fire()

  await bench.look()

  t.equal((await bench.run()).outcome, 'failed')
  t.equal((await bench.messages()).length, 1)
})

t.test('the program that makes the write fails half-way: people at once, with the command that repairs it, and no other rung', async t => {
  const [rung] = policyOf().steps
  if (rung === undefined) throw new Error('no rung')
  const restart = { ...rung, action: 'rollout-restart' }
  const bench = await openBench(t, { policies: [{ ...policyOf(), steps: [rung, restart] }] })
  const answer = {
    kind: 'tool-failed',
    detail: 'its hook failed; the release is pending',
    repair: 'helm rollback api 1 --no-hooks'
  } as const
  bench.cluster.answers = [{ answer, happens: false }]
  await bench.fire()
  await bench.pass(15 * MINUTE)

  const run = await bench.run()
  t.same([run.outcome, run.detail, run.step, run.wrote], ['failed', answer.detail, 0, true])
  t.equal(bench.cluster.writes.length, 1, 'nothing is written over what it left')
  const [write] = await bench.audit('write')
  t.match(write?.body, { result: 'failed', detail: `${answer.detail}; to repair it: ${answer.repair}` })
  t.match((await bench.audit('concluded'))[0]?.body, { outcome: 'failed', repair: answer.repair, wrote: true })
  const due = await bench.ledger.claimMessages(bench.clock.now() + MINUTE, bench.clock.now(), 10)
  t.match(
    due.map(({ message }) => message),
    [{ event: 'needs-people', text: /pending\n.*To repair it: helm rollback api 1 --no-hooks\n/s, details: { repair: answer.repair } }]
  )
  t.match((await bench.ledger.targetFacts(TARGET, [], 'x', bench.clock.now())).bad, [{ runId: run.id }], 'what it was to replace is bad')
})

t.test('someone changes the target after the write: no counter-write', async t => {
  const bench = await openBench(t)
  await bench.fire()
  await bench.look()

  bench.cluster.put(workloadOf([revisionOf(9, 'app:v9', NOON)]))
  await bench.pass(5 * MINUTE)

  t.equal((await bench.run()).outcome, 'unknown')
  t.equal(bench.cluster.writes.length, 1)
})

t.test('fresh at the write: old evidence is taken again, and a symptom that is gone by then stops it', async t => {
  const bench = await openBench(t)
  afterIntent(bench, async () => {
    bench.clock.tick(31 * SECOND)
    bench.value = 0.001
  })
  await bench.fire()

  await bench.look()

  t.equal((await bench.run()).reason, 'symptom-not-confirmed')
  t.equal(bench.cluster.writes.length, 0)
})

t.test('the switch thrown between intent and write stops it', async t => {
  const bench = await openBench(t)
  afterIntent(bench, async () => {
    await bench.ledger.setSwitch({ mode: 'off', reason: 'stop', by: 'ann', at: bench.clock.now() })
  })
  await bench.fire()

  await bench.look()

  t.equal((await bench.run()).reason, 'switch-lowered')
  t.equal(bench.cluster.writes.length, 0)
})

t.test('the mode lowered between intent and write stops it, also over a restart', async t => {
  for (const lower of [
    (bench: Bench) => (bench.policies = [policyOf({ mode: 'dry-run' })]),
    (bench: Bench) => (bench.policies = [policyOf({ mode: 'off' })]),
    (bench: Bench) => (bench.policies = [])
  ]) {
    const bench = await openBench(t)
    afterIntent(bench, async () => {
      lower(bench)
    })
    await bench.fire()

    await bench.look()

    t.equal((await bench.run()).state, 'ended')
    t.equal(bench.cluster.writes.length, 0)
    t.equal((await bench.ledger.targetFacts(TARGET, [], 'x', bench.clock.now())).lockedBy, undefined)
  }
})

t.test('what was written and did not help calls people, though the mode was lowered meanwhile', async t => {
  const bench = await openBench(t, {
    policies: [
      policyOf({
        steps: [
          { action: 'rollout-undo', with: {}, confirm: { within: 5 * MINUTE, passes: 3, every: 30_000 } },
          { action: 'rollout-restart', with: {}, confirm: { within: 5 * MINUTE, passes: 3, every: 30_000 } }
        ]
      })
    ]
  })
  await bench.fire()
  await bench.look()

  bench.policies = [policyOf({ mode: 'dry-run' })]
  await bench.pass(10 * MINUTE)

  t.equal((await bench.run()).outcome, 'ineffective')
  t.equal(bench.cluster.writes.length, 1)
  t.equal((await bench.messages()).length, 1)
})

t.test('a write that may have been sent is not given up for what waiting ends, and goes out again once that is over', async t => {
  const bench = await openBench(t)
  bench.cluster.answers = [{ answer: { kind: 'unknown', detail: 'timeout' }, happens: false }]
  await bench.fire()
  await bench.look()
  t.equal(bench.cluster.writes.length, 1)

  bench.pastProblem = () => 'unreachable'
  await bench.pass(MINUTE)
  t.match(await bench.run(), { state: 'executing', detail: /source-unreachable/ })
  t.equal(bench.cluster.writes.length, 1, 'nothing is sent on what is not known')

  bench.pastProblem = () => undefined
  await bench.pass(10 * SECOND)
  t.equal((await bench.run()).state, 'watching')
  t.equal(bench.cluster.writes.length, 2)

  const other = await openBench(t)
  other.cluster.answers = [{ answer: { kind: 'unknown', detail: 'timeout' }, happens: false }]
  await other.fire()
  await other.look()
  other.pastProblem = () => 'unreachable'
  await other.pass(20 * MINUTE)
  t.match(await other.run(), { outcome: 'unknown', detail: /source-unreachable/ })
  t.equal(other.cluster.writes.length, 1)
})
