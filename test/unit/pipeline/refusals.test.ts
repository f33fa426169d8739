import t from 'tap'
import { MINUTE } from '../../../src/base/clock.ts'
import type { Reason } from '../../../src/domain/reasons.ts'
import { openBench, policyOf } from '../../support/bench.ts'
import { badRollout, NOON, revisionOf, TARGET, workloadOf } from '../../support/workloads.ts'

t.test('each of these waits, writes nothing, and ends timed-out with people told', async t => {
  const cases: readonly (readonly [Reason, (bench: Awaited<ReturnType<typeof openBench>>) => void])[] = [
    ['symptom-not-confirmed', bench => (bench.value = 0.001)],
    ['inconclusive', bench => (bench.value = 'not-a-number')],
    ['source-unreachable', bench => (bench.value = 'unreachable')],
    ['cluster-unreachable', bench => (bench.cluster.unreachable = true)],
    ['target-paused', bench => bench.cluster.put({ ...badRollout(), paused: true })],
    [
      'rollout-moving',
      bench =>
        bench.cluster.put({ ...badRollout(), rollout: { state: 'moving', seen: true, detail: '1 of 3', available: false, brokenPods: [] } })
    ],
    ['silenced', bench => (bench.alertState = { kind: 'known', silencedBy: ['s1'], inhibitedBy: [] })],
    ['inhibited', bench => (bench.alertState = { kind: 'known', silencedBy: [], inhibitedBy: ['i1'] })],
    ['clock-skew', bench => (bench.sourceOffset = 6_000)],
    ['changed-since-symptom', bench => (bench.since = NOON - 11 * MINUTE)]
  ]
  for (const [reason, arrange] of cases) {
    await t.test(reason, async t => {
      const bench = await openBench(t)
      arrange(bench)
      await bench.fire()

      await bench.look()
      t.same([(await bench.run()).state, (await bench.run()).reason], ['waiting', reason])
      t.same(await bench.messages(), [])
      await bench.pass(20 * MINUTE)

      t.same([(await bench.run()).outcome, (await bench.run()).reason], ['timed-out', reason])
      t.equal(bench.cluster.writes.length, 0)
      t.equal((await bench.messages()).length, 1)
      t.equal((await bench.audit('decision')).length, 1, 'audited when the reason changes, not at every look')
    })
  }
})

t.test('each of these goes to people at once, and writes nothing', async t => {
  const cases: readonly (readonly [Reason, (bench: Awaited<ReturnType<typeof openBench>>) => void, Readonly<Record<string, string>>?])[] = [
    [
      'no-recent-change',
      bench => bench.cluster.put(workloadOf([revisionOf(1, 'app:v1', NOON - 300 * MINUTE), revisionOf(2, 'app:v2', NOON - 61 * MINUTE)]))
    ],
    [
      'change-time-unknown',
      bench =>
        bench.cluster.put(
          workloadOf([revisionOf(1, 'app:v1', NOON - 90 * MINUTE), revisionOf(3, 'app:v2', NOON - 120 * MINUTE, { reused: true })])
        )
    ],
    [
      'no-good-revision',
      bench => bench.cluster.put(workloadOf([revisionOf(1, 'app:v1', NOON - 12 * MINUTE), revisionOf(2, 'app:v2', NOON - 10 * MINUTE)]))
    ],
    ['target-not-found', bench => bench.cluster.workloads.clear()],
    ['namespace-not-allowed', () => {}, { alertname: 'HighErrorRatio', namespace: 'bank', deployment: 'api' }],
    ['label-missing', () => {}, { alertname: 'HighErrorRatio', namespace: 'shop' }],
    ['label-unsafe', () => {}, { alertname: 'HighErrorRatio', namespace: 'shop', deployment: 'api/../../secrets' }],
    ['forbidden', bench => (bench.cluster.forbidden = true)],
    ['query-invalid', bench => (bench.value = 'query-rejected')],
    ['one-way-door', bench => bench.cluster.put({ ...badRollout(), annotations: { 'astern.dev/rollback': 'deny' } })]
  ]
  for (const [reason, arrange, labels] of cases) {
    await t.test(reason, async t => {
      const bench = await openBench(t)
      arrange(bench)
      if (labels !== undefined && labels['namespace'] === 'bank')
        bench.cluster.put({ ...badRollout(), ref: { ...TARGET, namespace: 'bank' } })
      await bench.fire(labels)

      await bench.look()

      t.same([(await bench.run()).outcome, (await bench.run()).reason], ['denied', reason])
      t.equal(bench.cluster.writes.length, 0)
      t.equal((await bench.messages()).length, 1)
    })
  }
})

t.test('kube-system and Astern’s own namespace are denied whatever the policy allows', async t => {
  for (const namespace of ['kube-system', 'kube-public', 'kube-node-lease', 'astern']) {
    const bench = await openBench(t, { policies: [policyOf({ guards: { ...policyOf().guards, namespaces: ['*'] } })] })
    bench.cluster.put({ ...badRollout(), ref: { ...TARGET, namespace } })
    await bench.fire({ alertname: 'HighErrorRatio', namespace, deployment: 'api' })
    await bench.look()
    t.equal((await bench.run()).reason, 'namespace-not-allowed', namespace)
  }
})

t.test('an incident that resolves before a write ends the run; firing again takes it up, with its clock', async t => {
  const bench = await openBench(t)
  bench.value = 0.001
  const first = await bench.fire()
  await bench.look()
  bench.clock.tick(5 * MINUTE)
  await bench.resolve()
  await bench.look()
  t.same([(await bench.run()).outcome, (await bench.run()).reason], ['resolved', 'resolved'])

  bench.clock.tick(5 * MINUTE)
  t.equal(await bench.fire(), first, 'within 30 minutes it is the same incident')
  await bench.look()
  t.equal((await bench.run()).state, 'waiting')
  await bench.pass(10 * MINUTE)

  t.equal((await bench.run()).outcome, 'timed-out', '20 minutes after the first firing, flapping or not')
})

t.test('a weekend’s pause never ends in Friday’s rollback on Monday', async t => {
  const bench = await openBench(t)
  await bench.ledger.setSwitch({ mode: 'off', reason: 'weekend', by: 'ann', at: bench.clock.now() })
  await bench.fire()
  await bench.look()
  t.same([(await bench.run()).state, (await bench.run()).reason], ['waiting', 'switch-lowered'])
  const [decided] = await bench.audit('decision')
  t.match(decided?.body, { facts: { plan: { summary: /put revision 1/ } } }, 'everything is decided and audited though nothing is written')

  await bench.pass(60 * 60 * MINUTE)
  await bench.ledger.setSwitch({ mode: 'auto', reason: 'monday', by: 'ann', at: bench.clock.now() })
  await bench.pass(60 * MINUTE)

  t.equal((await bench.run()).outcome, 'timed-out')
  t.equal(bench.cluster.writes.length, 0)
})

t.test('the switch, put back in time, lets a waiting run go on at once', async t => {
  const bench = await openBench(t)
  await bench.ledger.setSwitch({ mode: 'dry-run', reason: 'a look', by: 'ann', at: bench.clock.now() })
  await bench.fire()
  await bench.look()
  t.equal((await bench.run()).reason, 'switch-lowered', 'a switch lowered by hand never ends a run as dry-run')

  await bench.ledger.setSwitch({ mode: 'auto', reason: 'go on', by: 'ann', at: bench.clock.now() })
  await bench.look()

  t.equal(bench.cluster.writes.length, 1)
})

t.test('dry-run: the same decision, no write, and the audit says who would have been told', async t => {
  for (const options of [{ policies: [policyOf({ mode: 'dry-run' as const })] }, { ceiling: 'dry-run' as const }]) {
    const bench = await openBench(t, { ...options })
    await bench.fire()
    await bench.look()
    t.same([(await bench.run()).outcome, (await bench.run()).reason, bench.cluster.writes.length], ['dry-run', 'mode-dry-run', 0])
  }
  const bench = await openBench(t, { ceiling: 'dry-run' })
  bench.cluster.workloads.clear()
  await bench.fire()
  await bench.look()
  t.same(await bench.messages(), [])
  t.equal((await bench.audit('would-tell')).length, 1)
})

t.test('mode off ends the run; a policy that was removed or turned down after the run began is stricter', async t => {
  const bench = await openBench(t)
  bench.value = 0.001
  await bench.fire()
  await bench.look()

  bench.policies = [policyOf({ mode: 'off' })]
  bench.value = 0.4
  await bench.pass(MINUTE)

  t.same([(await bench.run()).outcome, (await bench.run()).reason], ['denied', 'mode-off'])
  t.equal(bench.cluster.writes.length, 0)
})

t.test('after a reload the stricter of old and new namespaces holds', async t => {
  const bench = await openBench(t)
  bench.value = 0.001
  await bench.fire()
  await bench.look()

  bench.policies = [policyOf({ guards: { ...policyOf().guards, namespaces: ['other'] } })]
  bench.value = 0.4
  await bench.pass(MINUTE)

  t.equal((await bench.run()).reason, 'namespace-not-allowed')
})

t.test('without the right to patch a dry run tells the whole decision; a live run says why it cannot act', async t => {
  const bench = await openBench(t, { ceiling: 'dry-run' })
  bench.cluster.forbidden = true
  await bench.fire()
  await bench.look()

  t.same([(await bench.run()).outcome, (await bench.run()).reason], ['dry-run', 'mode-dry-run'])
  t.match((await bench.audit('decision'))[0]?.body, { facts: { serverDryRun: 'not permitted' } })
})
