import t from 'tap'
import { MINUTE } from '../../../src/base/clock.ts'
import type { RequestTrigger } from '../../../src/domain/trigger.ts'
import { requestRun } from '../../../src/pipeline/settle/request.ts'
import { openBench, policyOf } from '../../support/bench.ts'
import { badRollout, TARGET } from '../../support/workloads.ts'

const asked = (at: number, more: Partial<RequestTrigger> = {}): RequestTrigger => ({
  kind: 'request',
  id: 'request-1',
  by: 'ann',
  at,
  target: TARGET,
  ...more
})

t.test('a run that a person asks for: the same road, named by who asked, and no incident is faked', async t => {
  const bench = await openBench(t)
  const trigger = asked(bench.clock.now())

  t.match(await requestRun(bench.ports, { policy: policyOf(), trigger }), { state: 'started' })
  t.equal((await requestRun(bench.ports, { policy: policyOf(), trigger })).state, 'under-way', 'asked twice, it runs once')
  await bench.look()
  t.equal(bench.cluster.writes.length, 1)
  bench.value = 0.001
  await bench.pass(10 * MINUTE)

  const run = await bench.run()
  t.match(run, { outcome: 'recovered', trigger: { kind: 'request', by: 'ann' } })
  t.equal((await bench.ledger.unadmitted(10)).length, 0)
  t.match(await bench.messages(), [/asked for by ann/])
  t.equal((await requestRun(bench.ports, { policy: policyOf(), trigger })).state, 'started', 'the run is over: it may be asked for again')
})

t.test('every row about a run that was asked for names who asked', async t => {
  const bench = await openBench(t)
  await requestRun(bench.ports, { policy: policyOf(), trigger: asked(bench.clock.now()) })
  await bench.look()
  await bench.pass(20 * MINUTE)

  const { id } = await bench.run()
  const rows = (await bench.audit()).filter(row => row.runId === id && row.kind !== 'delivered' && row.kind !== 'delivery-failed')
  t.ok(rows.length > 5)
  t.same(
    rows.filter(row => row.body['askedBy'] !== 'ann').map(row => row.kind),
    []
  )
})

t.test('who asks passes by no guard', async t => {
  const cases = [
    ['namespace-not-allowed', policyOf({ guards: { ...policyOf().guards, namespaces: ['other'] } }), () => {}],
    ['mode-dry-run', policyOf({ mode: 'dry-run' }), () => {}],
    ['symptom-not-confirmed', policyOf(), (bench: Awaited<ReturnType<typeof openBench>>) => (bench.value = 0.001)],
    [
      'switch-lowered',
      policyOf(),
      (bench: Awaited<ReturnType<typeof openBench>>) =>
        bench.ledger.setSwitch({ mode: 'off', reason: 'stop', by: 'bob', at: bench.clock.now() })
    ]
  ] as const
  for (const [reason, policy, arrange] of cases) {
    const bench = await openBench(t, { policies: [policy] })
    await arrange(bench)
    const written = bench.cluster.writes.length
    const { id } = await requestRun(bench.ports, { policy, trigger: asked(bench.clock.now()) })
    await bench.look()
    t.equal((await bench.ledger.run(id))?.reason, reason)
    t.equal(bench.cluster.writes.length, written)
  }
})

t.test('about an alert that was handed over: its labels, its start, and what Alertmanager says of it', async t => {
  const bench = await openBench(t)
  bench.alertState = { kind: 'known', silencedBy: ['s1'], inhibitedBy: [] }
  const labels = { alertname: 'HighErrorRatio', namespace: 'shop', deployment: 'api' }
  const { target: _, ...trigger } = asked(bench.clock.now(), { alert: { labels, annotations: {}, startsAt: bench.clock.now() } })
  const { id } = await requestRun(bench.ports, { policy: policyOf(), trigger })
  await bench.look()
  t.match(await bench.ledger.run(id), { reason: 'silenced', target: TARGET })
})

t.test('who asks right after a deployment may be quicker than the watch: what is there came before', async t => {
  const bench = await openBench(t)
  const present = badRollout()
  const [, before] = present.revisions
  for (const template of [
    { identity: before?.identity ?? '', at: bench.clock.now() - 60 * MINUTE, seen: false },
    { identity: present.identity, at: bench.clock.now() + 300, seen: true }
  ])
    await bench.ledger.recordObserved(TARGET, { uid: present.uid, ...template })
  bench.since = bench.clock.now() + 300
  await requestRun(bench.ports, {
    policy: policyOf({ verify: policyOf().verify.map(query => ({ ...query, window: 0 })) }),
    trigger: asked(bench.clock.now())
  })

  await bench.look()

  t.equal(bench.cluster.writes.length, 1)
})

t.test('an alert and a person race for one target: one of them writes, the other waits for it', async t => {
  const bench = await openBench(t)
  await bench.fire()
  const { id } = await requestRun(bench.ports, { policy: policyOf(), trigger: asked(bench.clock.now()) })

  await bench.look()

  t.equal(bench.cluster.writes.length, 1)
  const { items } = await bench.ledger.runs({}, undefined, 10)
  t.same(items.map(run => run.state).sort(), ['waiting', 'watching'])
  t.equal(items.find(run => run.state === 'waiting')?.reason, 'target-busy')
  t.ok(items.some(run => run.id === id))
})
