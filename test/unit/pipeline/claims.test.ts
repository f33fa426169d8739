import t from 'tap'
import { HOUR, MINUTE, SECOND } from '../../../src/base/clock.ts'
import { afterIntent, openBench, policyOf } from '../../support/bench.ts'
import { NOON, revisionOf, TARGET, workloadOf } from '../../support/workloads.ts'

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

t.test('in a dry run it is a note: the decision is shown whole', async t => {
  const bench = await openBench(t, { ceiling: 'dry-run' })
  bench.confirmed = ['am']
  bench.alertState = { kind: 'absent' }
  await bench.fire()

  await bench.look()

  t.same([(await bench.run()).outcome, (await bench.run()).reason], ['dry-run', 'mode-dry-run'])
  t.match((await bench.audit('decision'))[0]?.body, { facts: { unknownAlert: /does not know/ } })
})

t.test('where no Alertmanager can be asked about an alert that must be known, it waits', async t => {
  const bench = await openBench(t)
  bench.confirmed = ['am']
  await bench.fire()

  await bench.look()

  t.equal((await bench.run()).reason, 'alert-unconfirmed')
})

t.test('a label more than those of a silenced alert does not get past its silence, whoever sent it', async t => {
  const bench = await openBench(t)
  bench.alertState = { kind: 'absent', lesser: { silencedBy: ['s1'], inhibitedBy: [] } }
  await bench.fire()

  await bench.look()

  t.equal((await bench.run()).reason, 'silenced')
})

t.test('an Alertmanager that the alert did not come from need not know it', async t => {
  const bench = await openBench(t)
  bench.alertState = { kind: 'absent' }
  await bench.fire()

  await bench.look()

  t.equal(bench.cluster.writes.length, 1)
})

t.test('a `resolved` is a claim: while the query still fails the run waits, writes nothing, and people are told at its time', async t => {
  const bench = await openBench(t)
  bench.value = 0.001
  await bench.fire()
  await bench.look()
  t.equal((await bench.run()).reason, 'symptom-not-confirmed')
  bench.value = 0.4
  await bench.resolve()

  await bench.look()
  t.same([(await bench.run()).state, (await bench.run()).reason], ['waiting', 'resolve-unconfirmed'])
  await bench.pass(20 * MINUTE)

  t.same([(await bench.run()).outcome, (await bench.run()).reason], ['timed-out', 'resolve-unconfirmed'])
  t.equal(bench.cluster.writes.length, 0)
  t.equal((await bench.messages()).length, 1)
})

t.test('a true `resolved` ends the run once the query passes, and without a number it waits', async t => {
  for (const [value, reason] of [
    ['unreachable', 'source-unreachable'],
    ['no-data', 'inconclusive'],
    ['low-traffic', 'inconclusive']
  ] as const) {
    const bench = await openBench(t)
    bench.value = value
    await bench.fire()
    await bench.look()
    await bench.resolve()
    await bench.look()
    t.same([(await bench.run()).state, (await bench.run()).reason], ['waiting', reason], 'unknown is no end')

    bench.value = 0.001
    await bench.pass(MINUTE)
    t.equal((await bench.run()).outcome, 'resolved')
    t.same(await bench.messages(), [])
  }
  const down = await openBench(t)
  await down.fire()
  down.value = 'no-data'
  await down.resolve()
  await down.pass(20 * MINUTE)
  t.same([(await down.run()).outcome, (await down.messages()).length], ['timed-out', 1], 'a service that is down altogether has no series')
})

t.test('the alert resolved and its target is gone: over, and nobody is called', async t => {
  const bench = await openBench(t)
  bench.value = 'no-data'
  await bench.fire()
  await bench.look()
  await bench.resolve()
  bench.cluster.workloads.clear()

  await bench.look()

  t.same([(await bench.run()).outcome, await bench.messages()], ['resolved', []])
})

t.test('one sample that passes may be noise: as many must pass as a verdict needs', async t => {
  const bench = await openBench(t)
  bench.value = 'unreachable'
  await bench.fire()
  await bench.look()
  bench.value = 0.001
  await bench.resolve()
  const sleep = bench.clock.sleep.bind(bench.clock)
  bench.clock.sleep = async ms => {
    bench.value = 0.4
    await sleep(ms)
  }

  await bench.look()

  t.same([(await bench.run()).state, (await bench.run()).reason], ['waiting', 'resolve-unconfirmed'])
})

t.test('a `resolved` between decision and write does not end a run whose query fails', async t => {
  const bench = await openBench(t)
  afterIntent(bench, () => bench.resolve())
  await bench.fire()

  await bench.look()

  t.same([(await bench.run()).state, (await bench.run()).reason], ['waiting', 'resolve-unconfirmed'])
  t.equal(bench.cluster.writes.length, 0)
})

t.test('a replica names an earlier start: the `resolved` that follows ends the incident, and the next outage gets a run', async t => {
  const bench = await openBench(t)
  bench.value = 0.001
  const first = await bench.fire(undefined, { startsAt: NOON - 20 * SECOND })
  await bench.look()
  await bench.fire(undefined, { startsAt: NOON - 50 * SECOND })
  t.equal((await bench.ledger.incident(first))?.startsAt, NOON - 50 * SECOND, 'the earliest is shown')
  bench.clock.tick(MINUTE)
  await bench.fire(undefined, { status: 'resolved', startsAt: NOON - 50 * SECOND, endsAt: bench.clock.now() })
  await bench.look()
  t.equal((await bench.ledger.incident(first))?.state, 'resolved')
  bench.clock.tick(31 * MINUTE)

  bench.value = 0.4
  bench.cluster.put(workloadOf([revisionOf(1, 'app:v1', NOON - 300 * MINUTE), revisionOf(2, 'app:v2', bench.clock.now() - 10 * MINUTE)]))
  bench.since = bench.clock.now() - MINUTE
  await bench.fire(undefined, { startsAt: bench.clock.now() })
  await bench.look()

  t.equal(bench.cluster.writes.length, 1)
})

t.test('a start in the future does not make a true `resolved` a late one; a late one of an earlier episode is ignored', async t => {
  const bench = await openBench(t)
  bench.value = 0.001
  const id = await bench.fire(undefined, { startsAt: NOON + 24 * HOUR })
  await bench.look()
  await bench.fire(undefined, { status: 'resolved', startsAt: NOON - HOUR, endsAt: NOON - 30 * MINUTE })
  t.equal((await bench.ledger.incident(id))?.state, 'open')
  bench.clock.tick(MINUTE)

  await bench.resolve()

  t.equal((await bench.ledger.incident(id))?.state, 'resolved')
})

t.test('no `resolved` came, and the alert fires since later: a new episode only if the failing began after the run ended', async t => {
  const bench = await openBench(t, { policies: [policyOf({ guards: { ...policyOf().guards, cooldown: 0 } })] })
  bench.since = NOON - 8 * MINUTE
  const first = await bench.fire()
  await bench.look()
  bench.value = 0.001
  await bench.pass(10 * MINUTE)
  t.equal((await bench.run()).outcome, 'recovered')
  const endedAt = (await bench.run()).endedAt ?? 0

  await bench.fire(undefined, { startsAt: bench.clock.now() - SECOND })
  await bench.look()
  t.equal((await bench.ledger.runs({}, undefined, 10)).items.length, 1, 'the query does not fail: a claim begins nothing')

  bench.value = 0.4
  bench.past = at => (at > endedAt + 30 * MINUTE || at < endedAt ? 'fail' : 'pass')
  bench.clock.tick(60 * MINUTE)
  await bench.fire(undefined, { startsAt: bench.clock.now() - SECOND })
  await bench.look()

  const { items } = await bench.ledger.runs({}, undefined, 10)
  t.equal(items.length, 2)
  t.equal((await bench.ledger.incident(first))?.state, 'expired')
  const opened = (await bench.audit('incident-opened')).at(-1)
  t.match(opened?.body, { follows: first })
})

t.test('the same without a gap: the failing goes on since before the run ended, and it stays one episode', async t => {
  const bench = await openBench(t)
  bench.cluster.put(workloadOf([revisionOf(1, 'app:v1', NOON - 300 * MINUTE), revisionOf(2, 'app:v2', NOON - 200 * MINUTE)]))
  await bench.fire()
  await bench.look()
  t.equal((await bench.run()).reason, 'no-recent-change')

  for (let index = 1; index < 4; index += 1) {
    bench.clock.tick(MINUTE)
    await bench.fire(undefined, { startsAt: bench.clock.now() - SECOND })
    await bench.look()
  }

  t.equal((await bench.ledger.runs({}, undefined, 10)).items.length, 1, 'whatever starts are claimed')
})

t.test('the ceiling under which a run began holds, also after it was raised', async t => {
  const bench = await openBench(t, { ceiling: 'auto' })
  bench.value = 0.001
  const id = await bench.fire()
  const incident = await bench.ledger.incident(id)
  if (incident === undefined) throw new Error('no incident')
  await bench.ledger.admit([
    { incident, at: NOON, run: { id: 'begun-in-dry-run', policy: policyOf(), ceiling: 'dry-run', target: TARGET }, audit: [] }
  ])
  bench.value = 0.4

  await bench.look()

  t.same([(await bench.run()).outcome, (await bench.run()).reason], ['dry-run', 'mode-dry-run'])
  t.equal(bench.cluster.writes.length, 0)
})

t.test('what came in without tokens is not taken up once there are some', async t => {
  const bench = await openBench(t)
  await bench.fire(undefined, {}, 'local')

  await bench.look()

  t.same([(await bench.run()).outcome, (await bench.run()).reason], ['denied', 'sent-without-tokens'])
  t.equal(bench.samples.length, 0)

  const open = await openBench(t, { authenticated: false, ceiling: 'dry-run' })
  await open.fire(undefined, {}, 'local')
  await open.look()
  t.equal((await open.run()).outcome, 'dry-run', 'while there are none it is the only source')
})
