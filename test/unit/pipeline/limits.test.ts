import t from 'tap'
import { HOUR, MINUTE, SECOND } from '../../../src/base/clock.ts'
import { targetKey } from '../../../src/domain/objects.ts'
import { advance } from '../../../src/pipeline/run.ts'
import { admitIncidents } from '../../../src/pipeline/settle/admit.ts'
import { afterIntent, type Bench, openBench, policyOf } from '../../support/bench.ts'
import { SYMPTOM } from '../../support/ledger-fixture.ts'
import { badRollout, NOON, revisionOf, TARGET, workloadOf } from '../../support/workloads.ts'

/** One sample decides, so that no time passes while one run after the other is looked at. */
const quick = policyOf({ verify: policyOf().verify.map(query => ({ ...query, samples: 1 })) })
const STORM = { targets: 5, within: 5 * MINUTE, calm: 10 * MINUTE }

const named = (name: string) => ({ alertname: 'HighErrorRatio', namespace: 'shop', deployment: name })

/** Sends what waits, because a channel hears of an affair in order. */
async function deliver(bench: Bench): Promise<void> {
  const now = bench.clock.now()
  for (const queued of await bench.ledger.claimMessages(now + HOUR, now, 1_000))
    await bench.ledger.messageSent(queued, { kind: 'delivered' }, now, now)
}

t.test('a storm: fifty targets alert at once → no write, one message with the list', async t => {
  const bench = await openBench(t, { policies: [quick] })
  for (let index = 0; index < 50; index += 1) {
    bench.cluster.put({ ...badRollout(), ref: { ...TARGET, name: `api-${index}` }, uid: `uid-${index}` })
    await bench.fire(named(`api-${index}`))
  }

  await bench.look()

  const { items } = await bench.ledger.runs({}, undefined, 100)
  t.equal(items.length, 50)
  t.ok(
    items.every(run => run.outcome === 'denied' && run.reason === 'storm'),
    'even the first five: none writes while others are not sampled yet'
  )
  t.equal(bench.cluster.writes.length, 0)
  t.same(await bench.messages(), ['storm: Astern does nothing: many targets alert at once'])
  t.equal((await bench.ledger.storm(bench.clock.now()))?.targets.length, 50)
})

t.test('a storm of hundreds: all are counted, the first two hundred are listed, once', async t => {
  const bench = await openBench(t, { policies: [quick] })
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

/** A target with a bad rollout and an alert. */
async function add(bench: Bench, index: number): Promise<void> {
  bench.cluster.put({ ...badRollout(), ref: { ...TARGET, name: `api-${index}` }, uid: `uid-${index}` })
  await bench.fire(named(`api-${index}`))
  await bench.look()
}

/** Five targets whose symptom is real, with the switch lowered, so that nothing is written to the first four. */
async function storming(t: Parameters<typeof openBench>[0], policy = quick): Promise<Bench> {
  const bench = await openBench(t, { policies: [policy] })
  await bench.ledger.setSwitch({ mode: 'dry-run', reason: 'test', by: 'test', at: bench.clock.now() })
  for (let index = 0; index < 4; index += 1) await add(bench, index)
  t.equal(await bench.ledger.storm(bench.clock.now()), undefined, 'four are none yet')
  await add(bench, 4)
  t.equal((await bench.ledger.storm(bench.clock.now()))?.count, 5)
  return bench
}

t.test('a storm goes on until it was calm, and its message is updated, not repeated', async t => {
  const bench = await storming(t)
  await bench.pass(9 * MINUTE)
  bench.since = bench.clock.now() - MINUTE
  await add(bench, 5)
  await bench.pass(9 * MINUTE)

  const storm = await bench.ledger.storm(bench.clock.now())
  t.equal(storm?.count, 6, 'calm is counted from the newest one')
  t.equal((await bench.messages()).length, 1)
  bench.clock.tick(2 * MINUTE)
  t.equal(await bench.ledger.storm(bench.clock.now()), undefined)
})

t.test('only a new target prolongs a storm: one more alert of a target that is in it does not keep protection off', async t => {
  const bench = await storming(t)
  await bench.pass(9 * MINUTE)
  bench.since = bench.clock.now() - MINUTE
  await bench.fire({ ...named('api-3'), shard: 'another' })
  await bench.look()
  t.equal((await bench.run()).reason, 'storm', 'it is held by the storm, and its symptom is real')
  bench.clock.tick(MINUTE)
  t.equal(await bench.ledger.storm(bench.clock.now()), undefined)
})

t.test('five forged alerts make no storm: a target counts once its symptom was measured', async t => {
  const bench = await openBench(t, { policies: [quick] })
  bench.value = 0.001
  for (let index = 0; index < 5; index += 1) await add(bench, index)
  t.equal(await bench.ledger.storm(bench.clock.now()), undefined)

  bench.value = 0.4
  await bench.fire()
  await bench.look()

  t.equal(bench.cluster.writes.length, 1, 'the real one is dealt with')
})

t.test('while many targets are not sampled yet nothing is written, for thirty seconds at most', async t => {
  const bench = await openBench(t, { policies: [quick] })
  await bench.fire()
  const signal = new AbortController().signal
  let forged = 0
  // Whoever forges alerts goes on with it, and none of them is ever sampled here.
  const forge = async (): Promise<void> => {
    for (let more = 0; more < 5; more += 1) {
      forged += 1
      await bench.fire(named(`forged-${forged}`))
    }
    while ((await admitIncidents(bench.ports, signal)) > 0);
  }
  const look = async (): Promise<void> => {
    const real = (await bench.ledger.claimDue('bench', bench.clock.now(), MINUTE, 1_000)).find(one => one.run.target?.name === 'api')
    if (real === undefined) throw new Error('the real one is not due')
    await advance(bench.ports, real, signal)
  }
  await forge()
  await look()
  const waits = (await bench.ledger.runs({ target: targetKey(TARGET) }, undefined, 1)).items[0]
  t.same([waits?.reason, waits?.nextAt], ['storm-looming', NOON + SECOND])
  for (let second = 1; second < 30; second += 1) {
    bench.clock.tick(SECOND)
    await forge()
    await look()
    t.equal(bench.cluster.writes.length, 0)
  }
  bench.clock.tick(SECOND)
  await forge()
  await look()
  t.equal(bench.cluster.writes.length, 1)
})

t.test('people are told once more when a storm has lasted an hour', async t => {
  const bench = await storming(t)
  for (let index = 5; index < 12; index += 1) {
    await bench.pass(9 * MINUTE)
    bench.since = bench.clock.now() - MINUTE
    await add(bench, index)
  }
  t.same(await bench.messages(), ['storm: Astern does nothing: many targets alert at once'])
  await deliver(bench)
  t.same(await bench.messages(), ['storm: Astern does nothing for 1 hour now: many targets alert at once'])
})

t.test('a storm that breaks while one run has its intent: checked again right before the write', async t => {
  const bench = await openBench(t)
  afterIntent(bench, async () => {
    for (let index = 0; index < 5; index += 1) {
      bench.cluster.put({ ...badRollout(), ref: { ...TARGET, name: `api-${index}` }, uid: `uid-${index}` })
      await bench.fire(named(`api-${index}`))
    }
    await admitIncidents(bench.ports, new AbortController().signal)
    for (const { claim } of await bench.ledger.claimDue('other', bench.clock.now(), MINUTE, 10))
      await bench.ledger.save(claim, { change: { symptom: SYMPTOM }, storm: STORM, audit: [] }, bench.clock.now())
  })
  await bench.fire()

  await bench.look()

  t.equal(bench.cluster.writes.length, 0)
})

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

t.test('another policy’s alert on the target: the run that works on it is seen before anything is measured', async t => {
  // Runs of the same policy are parked; only a run of another one has to see it by itself.
  const slow = policyOf({ name: 'slow', match: ['alertname="SlowAnswers"'] })
  const bench = await openBench(t, { policies: [policyOf(), slow] })
  await bench.fire()
  await bench.look()
  const [first] = (await bench.ledger.runs({}, undefined, 10)).items
  const asked = bench.asked.length

  await bench.fire({ ...named('api'), alertname: 'SlowAnswers' }, { startsAt: NOON })
  await bench.look()

  const [second] = (await bench.ledger.runs({}, undefined, 10)).items
  t.match(second, { state: 'waiting', reason: 'target-busy', detail: `run ${first?.id} works on the target` })
  t.equal(second?.parkedBy, undefined)
  t.equal(bench.asked.length, asked)
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
  await deliver(bench)
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
