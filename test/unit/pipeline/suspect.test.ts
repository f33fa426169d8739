import t from 'tap'
import { MINUTE, SECOND } from '../../../src/base/clock.ts'
import { openBench, policyOf } from '../../support/bench.ts'
import { NOON, revisionOf, TARGET, templateOf, workloadOf } from '../../support/workloads.ts'

t.test('evidence belongs to the suspect: the window must lie after its rollout', async t => {
  const bench = await openBench(t)
  bench.cluster.put(workloadOf([revisionOf(1, 'app:v1', NOON - 90 * MINUTE), revisionOf(2, 'app:v2', NOON - 60_000)]))
  await bench.fire()

  await bench.look()
  const waiting = await bench.run()
  t.equal(waiting.reason, 'window-not-over')
  t.equal(waiting.detail, `until ${new Date(NOON - 60_000 + 5_000 + 1_000 + 2 * MINUTE).toISOString()}`)
  await bench.pass(65 * SECOND)
  t.equal(bench.samples.length, 0, 'not asked before')
  await bench.pass(1 * SECOND)

  t.equal(bench.cluster.writes.length, 1)
})

t.test('a stalled rollout waives the window, and the verification must still fail', async t => {
  const stalled = workloadOf([revisionOf(1, 'app:v1', NOON - 90 * MINUTE), revisionOf(2, 'app:v2', NOON - 60_000)], {
    rollout: { state: 'stalled', seen: true, detail: 'new pods cannot run', available: false, brokenPods: ['api-x: CrashLoopBackOff'] }
  })
  const bench = await openBench(t)
  bench.cluster.put(stalled)
  await bench.fire()
  bench.value = 0.001
  await bench.look()
  t.equal((await bench.run()).reason, 'symptom-not-confirmed')

  bench.value = 0.4
  await bench.pass(MINUTE)

  t.equal(bench.cluster.writes.length, 1)
})

t.test('a restart is no change: the deploy before it is to blame', async t => {
  const bench = await openBench(t)
  const restarted = {
    ...revisionOf(3, 'app:v2', NOON - 5 * MINUTE),
    template: templateOf('app:v2', { 'kubectl.kubernetes.io/restartedAt': '2026-11-21T11:55:00Z' })
  }
  bench.cluster.put(workloadOf([revisionOf(1, 'app:v1', NOON - 300 * MINUTE), revisionOf(2, 'app:v2', NOON - 90 * MINUTE), restarted]))
  await bench.fire()

  await bench.look()

  t.equal((await bench.run()).reason, 'no-recent-change', 'v2 came 90 minutes ago, whatever was restarted since')
})

t.test('the symptom dates itself: the queries failed before v2 came, so v2 is not to blame', async t => {
  const bench = await openBench(t)
  bench.since = NOON - 11 * MINUTE
  await bench.fire()

  await bench.look()

  t.equal((await bench.run()).reason, 'changed-since-symptom', 'v2 came ten minutes before noon, the symptom eleven')
})

t.test('a person undid it and the re-used ReplicaSet looks old: v2’s errors in the window do not bring v2 back', async t => {
  const v1 = revisionOf(3, 'app:v1', NOON - 50 * MINUTE, { reused: true })
  const v2 = revisionOf(2, 'app:v2', NOON - 10 * MINUTE)
  const bench = await openBench(t)
  bench.cluster.put(
    workloadOf([v1, v2], {
      templateManagedAt: NOON + 3 * MINUTE,
      rollout: {
        state: 'complete',
        seen: true,
        detail: '',
        available: true,
        progressedAt: NOON + 3 * MINUTE,
        completedAt: NOON + 3 * MINUTE,
        brokenPods: []
      }
    })
  )
  await bench.fire(undefined, { startsAt: NOON })

  await bench.pass(10 * MINUTE)

  t.equal((await bench.run()).reason, 'changed-since-symptom')
  t.equal(bench.cluster.writes.length, 0)
})

t.test('never back to the bad version, and not on a redeployed one', async t => {
  const bench = await openBench(t, { policies: [policyOf({ guards: { ...policyOf().guards, cooldown: 0 } })] })
  await bench.fire()
  await bench.look()
  bench.value = 0.001
  await bench.pass(10 * MINUTE)
  t.equal((await bench.run()).outcome, 'recovered')

  await bench.resolve()
  bench.clock.tick(60 * MINUTE)
  const undone = bench.cluster.workloads.get('Deployment/shop/api')
  const v2 = revisionOf(4, 'app:v2', bench.clock.now() - 10 * MINUTE)
  bench.cluster.put(workloadOf([...(undone?.revisions ?? []).filter(revision => revision.identity !== v2.identity), v2]))
  bench.value = 0.4
  await bench.fire()
  await bench.look()

  t.same([(await bench.run()).outcome, (await bench.run()).reason], ['denied', 'redeployed-bad'])
  t.equal(bench.cluster.writes.length, 1)
})

t.test('change and symptom within one second: ordered by the milliseconds that the watch saw, else people', async t => {
  const v2 = revisionOf(2, 'app:v2', NOON - 10 * MINUTE)
  const deployed = workloadOf([revisionOf(1, 'app:v1', NOON - 300 * MINUTE), v2])
  const policies = [policyOf({ verify: policyOf().verify.map(query => ({ ...query, samples: 1 })) })]
  const observe = async (bench: Awaited<ReturnType<typeof openBench>>, at: number): Promise<void> => {
    bench.cluster.put(deployed)
    for (const template of [
      { identity: revisionOf(1, 'app:v1', 0).identity, at: NOON - 300 * MINUTE, seen: false },
      { identity: v2.identity, at, seen: true }
    ])
      await bench.ledger.recordObserved(TARGET, { uid: deployed.uid, ...template })
  }

  const before = await openBench(t, { policies })
  await observe(before, NOON - 11 * MINUTE - 300)
  before.since = NOON - 11 * MINUTE
  await before.fire()
  await before.look()
  t.equal(before.cluster.writes.length, 1, 'deployed 0.3 s before the symptom: it is to blame')

  const after = await openBench(t, { policies })
  await observe(after, NOON - 11 * MINUTE + 300)
  after.since = NOON - 11 * MINUTE
  await after.fire()
  await after.look()
  t.equal((await after.run()).reason, 'changed-since-symptom', '0.3 s after it: somebody is fixing forward')

  const unseen = await openBench(t, { policies })
  unseen.cluster.put(deployed)
  unseen.since = NOON - 10 * MINUTE + 300
  await unseen.fire()
  await unseen.look()
  t.same([(await unseen.run()).outcome, (await unseen.run()).reason], ['denied', 'order-unclear'], 'a creation time has whole seconds')
  t.equal(unseen.cluster.writes.length, 0)
  t.equal((await unseen.messages()).length, 1, 'waiting would not mend it')

  const unsure = await openBench(t, { policies })
  await observe(unsure, NOON - 11 * MINUTE - 300)
  unsure.since = NOON - 11 * MINUTE
  unsure.sourceUncertainty = 900
  await unsure.fire()
  await unsure.look()
  t.same([(await unsure.run()).state, (await unsure.run()).reason], ['waiting', 'clock-skew'], 'more answers tell the clocks better')
  unsure.sourceUncertainty = 300
  await unsure.pass(MINUTE)
  t.equal((await unsure.run()).reason, 'order-unclear', 'the clocks leave as much open as lies between them')
})
