import t from 'tap'
import { MINUTE, SECOND } from '../../../src/base/clock.ts'
import { targetKey } from '../../../src/domain/objects.ts'
import { afterIntent, openBench, policyOf } from '../../support/bench.ts'
import { badRollout, NOON, revisionOf, TARGET, workloadOf } from '../../support/workloads.ts'

const named = (name: string) => ({ alertname: 'HighErrorRatio', namespace: 'shop', deployment: name })

t.test('a storm: fifty targets alert at once → no write, one message with the list', async t => {
  const bench = await openBench(t)
  for (let index = 0; index < 50; index += 1) {
    bench.cluster.put({ ...badRollout(), ref: { ...TARGET, name: `api-${index}` }, uid: `uid-${index}` })
    await bench.fire(named(`api-${index}`))
  }

  await bench.look()

  const { items } = await bench.ledger.runs({}, undefined, 100)
  t.equal(items.length, 50)
  t.ok(
    items.every(run => run.outcome === 'denied' && run.reason === 'storm'),
    'even the first five: all targets are known before any run begins'
  )
  t.equal(bench.cluster.writes.length, 0)
  t.same(await bench.messages(), ['storm: Astern does nothing: many targets alert at once'])
  t.equal((await bench.ledger.storm(bench.clock.now()))?.targets.length, 50)
})

t.test('a storm of hundreds: all are counted, the first two hundred are listed, once', async t => {
  const bench = await openBench(t)
  for (let index = 0; index < 300; index += 1) {
    bench.cluster.put({ ...badRollout(), ref: { ...TARGET, name: `api-${index}` }, uid: `uid-${index}` })
    await bench.fire(named(`api-${index}`))
  }
  await bench.look()
  const storm = await bench.ledger.storm(bench.clock.now())
  t.equal(storm?.count, 300)
  t.equal(storm?.targets.length, 200)
  const due = await bench.ledger.claimMessages(bench.clock.now() + MINUTE, bench.clock.now(), 1_000)
  const lists = due.filter(({ message }) => message.subject.kind === 'storm')
  t.equal(lists.length, 1)
  t.match(lists[0]?.message.details, { count: 300, targets: storm?.targets })
  const rows = await bench.audit('concluded')
  t.notOk(
    rows.some(row => JSON.stringify(row.body).length > 1_000),
    'the list is not written for every one of them'
  )
})

t.test('a storm: alerts about targets that do not exist are none', async t => {
  const bench = await openBench(t)
  for (let index = 0; index < 20; index += 1) await bench.fire(named(`ghost-${index}`))
  await bench.fire()

  await bench.look()

  t.equal(await bench.ledger.storm(bench.clock.now()), undefined)
  t.equal(bench.cluster.writes.length, 1, 'the one that exists is dealt with')
})

t.test('a storm goes on until it was calm, and its message is updated, not repeated', async t => {
  const bench = await openBench(t)
  const add = async (index: number): Promise<void> => {
    bench.cluster.put({ ...badRollout(), ref: { ...TARGET, name: `api-${index}` }, uid: `uid-${index}` })
    await bench.fire(named(`api-${index}`))
    await bench.look()
  }
  bench.value = 0.001
  for (let index = 0; index < 4; index += 1) await add(index)
  t.equal(await bench.ledger.storm(bench.clock.now()), undefined, 'four are none yet')
  bench.value = 0.4
  await add(4)
  const began = bench.clock.now()
  t.ok(await bench.ledger.storm(began))

  bench.clock.tick(9 * MINUTE)
  await add(5)
  bench.clock.tick(9 * MINUTE)

  const storm = await bench.ledger.storm(bench.clock.now())
  t.ok(storm, 'calm is counted from the newest one')
  t.equal((await bench.messages()).length, 1)
  bench.clock.tick(2 * MINUTE)
  t.equal(await bench.ledger.storm(bench.clock.now()), undefined)
})

t.test('a storm that breaks while one run has its intent: checked again right before the write', async t => {
  const bench = await openBench(t)
  afterIntent(bench, async () => {
    for (let index = 0; index < 5; index += 1) {
      bench.cluster.put({ ...badRollout(), ref: { ...TARGET, name: `api-${index}` }, uid: `uid-${index}` })
      const incident = await bench.fire(named(`api-${index}`))
      await bench.ledger.admit(
        [
          {
            incident: (await bench.ledger.incident(incident)) ?? assertNever(),
            at: bench.clock.now(),
            run: { id: `run-${index}`, policy: policyOf(), target: { ...TARGET, name: `api-${index}` }, targetUid: `uid-${index}` },
            audit: []
          }
        ],
        { targets: 5, within: 5 * MINUTE, calm: 10 * MINUTE }
      )
    }
  })
  await bench.fire()

  await bench.look()

  t.equal(bench.cluster.writes.length, 0)
})

function assertNever(): never {
  throw new Error('the incident is gone')
}

t.test('cooldown is between runs on a target: for incidents opened after the earlier run ended', async t => {
  const bench = await openBench(t)
  await bench.fire()
  await bench.look()
  bench.value = 0.001
  await bench.pass(10 * MINUTE)
  t.equal((await bench.run()).outcome, 'recovered')
  bench.cluster.put(workloadOf([revisionOf(1, 'app:v1', NOON - 300 * MINUTE), revisionOf(7, 'app:v7', bench.clock.now() - 3 * MINUTE)]))

  bench.value = 0.4
  bench.clock.tick(5 * MINUTE)
  bench.since = bench.clock.now() - MINUTE
  await bench.fire({ ...named('api'), severity: 'page' })
  await bench.look()

  t.same([(await bench.run()).outcome, (await bench.run()).reason], ['denied', 'cooldown'])
  t.equal(bench.cluster.writes.length, 1)
})

t.test('two alerts on one target: one run works on it, the other waits and then finds it repaired', async t => {
  const bench = await openBench(t)
  await bench.fire()
  await bench.look()
  await bench.fire({ ...named('api'), severity: 'page' }, { startsAt: NOON })
  await bench.look()

  const { items } = await bench.ledger.runs({}, undefined, 10)
  const second = items[0]
  t.same([second?.state, second?.reason], ['waiting', 'target-busy'])
  bench.value = 0.001
  await bench.pass(10 * MINUTE)

  const after = (await bench.ledger.runs({}, undefined, 10)).items
  t.equal(after[1]?.outcome, 'recovered')
  t.equal(after[0]?.reason, 'symptom-not-confirmed', 'verified again from the start, not acted on')
  t.equal(bench.cluster.writes.length, 1)
})

t.test('budgets hold together, over restarts: a policy’s own adds to the defaults', async t => {
  const guards = {
    ...policyOf().guards,
    cooldown: 0,
    budgets: [
      { limit: 3, per: 24 * 60 * MINUTE, scope: 'target' as const },
      { limit: 5, per: 60 * MINUTE, scope: 'global' as const },
      { limit: 1, per: 60 * MINUTE, scope: 'namespace' as const }
    ]
  }
  const bench = await openBench(t, { policies: [policyOf({ guards })] })
  await bench.fire()
  await bench.look()
  bench.value = 0.001
  await bench.pass(10 * MINUTE)

  bench.value = 0.4
  bench.cluster.put({ ...badRollout(), ref: { ...TARGET, name: 'web' }, uid: 'uid-web' })
  await bench.fire(named('web'))
  await bench.look()

  t.same([(await bench.run()).outcome, (await bench.run()).reason], ['denied', 'budget-used-up'])
  t.equal(bench.cluster.writes.length, 1)
  bench.clock.tick(61 * MINUTE)
  bench.cluster.put({
    ...workloadOf([revisionOf(1, 'app:v1', NOON - 300 * MINUTE), revisionOf(2, 'app:v2', bench.clock.now() - 10 * MINUTE)]),
    ref: { ...TARGET, name: 'mail' },
    uid: 'uid-mail'
  })
  bench.since = bench.clock.now() - MINUTE
  await bench.fire(named('mail'))
  await bench.look()
  t.equal(bench.cluster.writes.length, 2, 'when its time is over the budget is there again')
})

t.test('dry runs hold no lock and spend no budget', async t => {
  const bench = await openBench(t, { ceiling: 'dry-run' })
  await bench.fire()
  await bench.look()

  const facts = await bench.ledger.targetFacts(TARGET, [], 'x', bench.clock.now())
  t.equal(facts.lockedBy, undefined)
  const [use] = await bench.ledger.budgetUse([{ limit: 1, per: 60 * MINUTE, scope: 'global' }], TARGET, 'undo', bench.clock.now())
  t.equal(use?.used, 0)
})

t.test('at most once: the same incident from two peers, again and again, is one run and one write', async t => {
  const bench = await openBench(t)
  for (let index = 0; index < 10; index += 1) await bench.fire(undefined, { startsAt: NOON + index })
  await bench.look()
  for (let index = 0; index < 10; index += 1) await bench.fire(undefined, { startsAt: NOON + index })
  await bench.look()

  t.equal((await bench.ledger.runs({}, undefined, 10)).items.length, 1)
  t.equal(bench.cluster.writes.length, 1)
})

t.test('a repaired incident that comes back calls people, and is not acted on again', async t => {
  const bench = await openBench(t)
  await bench.fire()
  await bench.look()
  bench.value = 0.001
  await bench.pass(10 * MINUTE)
  await bench.resolve()

  bench.clock.tick(5 * MINUTE)
  bench.value = 0.4
  await bench.fire()
  await bench.pass(5 * MINUTE)

  t.equal(bench.cluster.writes.length, 1)
  t.ok((await bench.messages()).some(message => message.startsWith('needs-people: Deployment/shop/api')))
})

t.test('the first policy that matches is the one; others that match are not tried', async t => {
  const bench = await openBench(t, { policies: [policyOf({ name: 'first', mode: 'dry-run' }), policyOf({ name: 'second' })] })
  await bench.fire()

  await bench.look()

  t.equal((await bench.run()).policy.name, 'first')
  t.equal(bench.cluster.writes.length, 0)
})

t.test('no policy: recorded, and nothing else', async t => {
  const bench = await openBench(t)
  await bench.fire({ alertname: 'SomethingElse', namespace: 'shop' })

  await bench.look()

  t.equal((await bench.ledger.runs({}, undefined, 10)).items.length, 0)
  t.equal((await bench.audit('no-policy-matches')).length, 1)
})

t.test('an incident without heartbeat expires; its run ends without a write', async t => {
  const bench = await openBench(t, { policies: [policyOf({ escalate: { after: 24 * 60 * MINUTE, to: ['people'] } })] })
  bench.value = 0.001
  const id = await bench.fire()
  await bench.look()
  bench.clock.tick(12 * 60 * MINUTE + SECOND)

  const idle = await bench.ledger.idle(bench.clock.now() - 12 * 60 * MINUTE, 10)
  t.same(
    idle.map(incident => incident.id),
    [id]
  )
  await bench.ledger.settleIdle([id], [], bench.clock.now())
  await bench.look()

  t.equal((await bench.run()).outcome, 'resolved')
  t.equal(targetKey(TARGET), 'Deployment/shop/api')
})
