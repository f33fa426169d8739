import t from 'tap'
import { MINUTE, SECOND } from '../../src/domain/clock.ts'
import type { Reason } from '../../src/domain/reasons.ts'
import { badRollout, NOON, openBench, policyOf, revisionOf, TARGET, templateOf, workloadOf } from './bench.ts'

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
  t.same(await bench.messages(), ['notice: Deployment/shop/api: HighErrorRatio: recovered'])
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
  t.same(await bench.messages(), ['escalation: Deployment/shop/api: HighErrorRatio: ineffective'])
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

t.test('each of these waits, writes nothing, and ends timed-out with people told', async t => {
  const cases: readonly (readonly [Reason, (bench: Awaited<ReturnType<typeof openBench>>) => void])[] = [
    ['symptom-not-confirmed', bench => (bench.value = 0.001)],
    ['inconclusive', bench => (bench.value = 'not-a-number')],
    ['source-unreachable', bench => (bench.value = 'unreachable')],
    ['cluster-unreachable', bench => (bench.cluster.unreachable = true)],
    ['target-paused', bench => bench.cluster.put({ ...badRollout(), paused: true })],
    [
      'rollout-moving',
      bench => bench.cluster.put({ ...badRollout(), rollout: { state: 'moving', detail: '1 of 3', available: false, brokenPods: [] } })
    ],
    ['silenced', bench => (bench.alertState = { kind: 'known', silencedBy: ['s1'], inhibitedBy: [] })],
    ['inhibited', bench => (bench.alertState = { kind: 'known', silencedBy: [], inhibitedBy: ['i1'] })],
    ['clock-skew', bench => (bench.sourceOffset = 6_000)],
    [
      'changed-since-symptom',
      bench => bench.cluster.put(workloadOf([revisionOf(1, 'app:v1', NOON - 60 * MINUTE), revisionOf(2, 'app:v2', NOON + 60_000)]))
    ]
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
  t.match(decided?.body['facts'], { plan: { summary: /put revision 1/ } }, 'everything is decided and audited though nothing is written')

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
    rollout: { state: 'stalled', detail: 'new pods cannot run', available: false, brokenPods: ['api-x: CrashLoopBackOff'] }
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

t.test('symptom start is the rule’s activeAt, before its `for`', async t => {
  const bench = await openBench(t)
  bench.activeAt = NOON - 11 * MINUTE
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
  t.equal((await bench.ledger.targetFacts(TARGET, 'x', bench.clock.now())).lockedBy, undefined, 'the target is free again')
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

t.test('someone changes the target after the write: no counter-write', async t => {
  const bench = await openBench(t)
  await bench.fire()
  await bench.look()

  bench.cluster.put(workloadOf([revisionOf(9, 'app:v9', NOON)]))
  await bench.pass(5 * MINUTE)

  t.equal((await bench.run()).outcome, 'unknown')
  t.equal(bench.cluster.writes.length, 1)
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

t.test('fresh at the write: old evidence is taken again, and a symptom that is gone by then stops it', async t => {
  const bench = await openBench(t)
  const { ledger } = bench
  const claimIntent = ledger.claimIntent.bind(ledger)
  Object.assign(ledger, {
    claimIntent: async (...args: Parameters<typeof claimIntent>) => {
      const result = await claimIntent(...args)
      bench.clock.tick(31 * SECOND)
      bench.value = 0.001
      return result
    }
  })
  await bench.fire()

  await bench.look()

  t.equal((await bench.run()).reason, 'symptom-not-confirmed')
  t.equal(bench.cluster.writes.length, 0)
})

t.test('the switch thrown between intent and write stops it', async t => {
  const bench = await openBench(t)
  const { ledger } = bench
  const claimIntent = ledger.claimIntent.bind(ledger)
  Object.assign(ledger, {
    claimIntent: async (...args: Parameters<typeof claimIntent>) => {
      const result = await claimIntent(...args)
      await ledger.setSwitch({ mode: 'off', reason: 'stop', by: 'ann', at: bench.clock.now() })
      return result
    }
  })
  await bench.fire()

  await bench.look()

  t.equal((await bench.run()).reason, 'switch-lowered')
  t.equal(bench.cluster.writes.length, 0)
})

t.test('without the right to patch a dry run tells the whole decision; a live run says why it cannot act', async t => {
  const bench = await openBench(t, { ceiling: 'dry-run' })
  bench.cluster.forbidden = true
  await bench.fire()
  await bench.look()

  t.same([(await bench.run()).outcome, (await bench.run()).reason], ['dry-run', 'mode-dry-run'])
  t.match((await bench.audit('decision'))[0]?.body['facts'], { serverDryRun: 'not permitted' })
})
