import t from 'tap'
import { HOUR, MINUTE, SECOND } from '../../../src/base/clock.ts'
import type { Span } from '../../../src/domain/history.ts'
import { afterIntent, openBench, policyOf } from '../../support/bench.ts'
import { badRollout, NOON, revisionOf, workloadOf } from '../../support/workloads.ts'

const LABELS = { alertname: 'HighErrorRatio', namespace: 'shop', deployment: 'api' }

t.test('whatever an alert says of its start, the queries say since when the symptom is there', async t => {
  for (const startsAt of [NOON - 24 * HOUR, NOON - 11 * MINUTE, NOON, NOON + 24 * HOUR]) {
    const bench = await openBench(t)
    bench.since = NOON - 8 * MINUTE
    await bench.fire(LABELS, { startsAt })

    await bench.look()

    t.equal(bench.cluster.writes.length, 1, `v2 came before the symptom, whatever ${new Date(startsAt).toISOString()} means`)
    const [decision] = await bench.audit('decision')
    t.match(decision?.body, { symptom: { orBefore: false, queries: ['error ratio'] } })
    const { symptom } = await bench.run()
    t.ok(symptom !== undefined && symptom.since >= bench.since && symptom.since - bench.since <= symptom.resolution, 'the run keeps it')
  }
})

t.test('what failed before the change is not the change’s, and a forged time does not make it so', async t => {
  for (const startsAt of [NOON - 5 * MINUTE, NOON + HOUR]) {
    const bench = await openBench(t)
    bench.since = NOON - 30 * MINUTE
    await bench.fire(LABELS, { startsAt })

    await bench.look()

    t.equal((await bench.run()).reason, 'changed-since-symptom', 'somebody is fixing forward')
    t.equal(bench.cluster.writes.length, 0)
  }
})

t.test('what failed long before the change, and healed, acquits nobody', async t => {
  const bench = await openBench(t)
  bench.past = at => (at < NOON - 20 * MINUTE || at >= NOON - 5 * MINUTE ? 'fail' : 'pass')
  await bench.fire()

  await bench.look()

  t.equal(bench.cluster.writes.length, 1)
})

t.test('a restart keeps off while somebody fixes forward, and goes on where they changed something before the symptom', async t => {
  const { changedWithin: _, ...restart } = policyOf({
    steps: [{ action: 'rollout-restart', with: {}, confirm: { within: 10 * MINUTE, passes: 3, every: 30_000 } }]
  })
  const during = await openBench(t, { policies: [restart] })
  during.since = NOON - 30 * MINUTE
  await during.fire()
  await during.look()
  t.equal((await during.run()).reason, 'changed-since-symptom')

  const before = await openBench(t, { policies: [restart] })
  before.past = at => (at < NOON - 9 * MINUTE - 30 * SECOND || at >= NOON - 2 * MINUTE ? 'fail' : 'pass')
  await before.fire()
  await before.look()
  t.equal(before.cluster.writes.length, 1, 'the symptom that they mended is not the one that is there now')
})

t.test('the symptom is older than can be looked at, and so is the change: no recent change', async t => {
  const bench = await openBench(t)
  bench.cluster.put(workloadOf([revisionOf(1, 'app:v1', NOON - 9 * HOUR), revisionOf(2, 'app:v2', NOON - 3 * HOUR)]))
  bench.since = NOON - 100 * MINUTE
  await bench.fire()

  await bench.look()

  t.equal((await bench.run()).reason, 'no-recent-change')
  t.equal((await bench.run()).symptom?.orBefore, true)
})

t.test('a past that cannot be asked stops the decision, with the reason that fits', async t => {
  for (const [problem, reason] of [
    ['deadline', 'source-unreachable'],
    ['warnings', 'inconclusive'],
    ['stale', 'inconclusive'],
    ['query-rejected', 'query-invalid']
  ] as const) {
    // So that nobody asks whether the version before is proven, which would stop it too.
    const policies = [policyOf({ steps: policyOf().steps.map(step => ({ ...step, with: { provenFor: '0s' } })) })]
    const present: (span: Span) => boolean = ({ to }) => to > NOON - MINUTE
    for (const which of [present, (span: Span) => !present(span)]) {
      const bench = await openBench(t, { policies })
      bench.pastProblem = span => (which(span) ? problem : undefined)
      await bench.fire()

      await bench.look()

      t.equal((await bench.run()).reason, reason)
      t.equal(bench.cluster.writes.length, 0)
    }
  }
})

t.test('the past is asked again right before the write', async t => {
  const bench = await openBench(t)
  afterIntent(bench, () => {
    bench.since = NOON - 30 * MINUTE
  })
  await bench.fire()

  await bench.look()

  t.equal((await bench.run()).reason, 'changed-since-symptom')
  t.equal(bench.cluster.writes.length, 0)
})

t.test('a recovery that Astern confirmed ends the stretch: what comes after it is another symptom', async t => {
  const bench = await openBench(t, { policies: [policyOf({ guards: { ...policyOf().guards, cooldown: 0 } })] })
  bench.since = NOON - 8 * MINUTE
  await bench.fire()
  await bench.look()
  bench.value = 0.001
  await bench.pass(10 * MINUTE)
  t.equal((await bench.run()).outcome, 'recovered')
  const recovered = (await bench.run()).endedAt ?? 0

  bench.past = () => 'fail'
  bench.value = 0.4
  bench.clock.tick(MINUTE)
  await bench.fire({ ...LABELS, severity: 'page' })
  await bench.look()

  const { symptom } = await bench.run()
  t.ok((symptom?.since ?? 0) > recovered)
})

t.test('an alert that was never verified takes nothing away from a version', async t => {
  const bench = await openBench(t)
  bench.value = 0.001
  for (let index = 0; index < 3; index += 1) await bench.fire({ ...LABELS, forged: String(index) }, { startsAt: NOON - 24 * HOUR })
  await bench.look()
  t.equal(bench.cluster.writes.length, 0)

  bench.value = 0.4
  await bench.fire()
  await bench.look()

  t.equal(bench.cluster.writes.length, 1, 'forged alerts that are open all along do not make v1 unproven')
})

t.test('a version in whose time the queries failed is not proven, though no alert ever said so', async t => {
  const bench = await openBench(t)
  bench.cluster.put(
    workloadOf([
      revisionOf(1, 'app:v1', NOON - 9 * HOUR),
      revisionOf(2, 'app:v2', NOON - 60 * MINUTE),
      revisionOf(3, 'app:v3', NOON - 10 * MINUTE)
    ])
  )
  // v2 failed until five minutes before it was replaced: long enough before v3 to acquit nobody, and within its last ten minutes.
  bench.past = at => (at > NOON - 25 * MINUTE && at < NOON - 15 * MINUTE ? 'fail' : at >= NOON - 8 * MINUTE ? 'fail' : 'pass')
  await bench.fire()

  await bench.look()

  t.equal(bench.cluster.writes.length, 1)
  const [decision] = await bench.audit('decision')
  t.match(decision?.body, {
    plan: {
      toRevision: 1,
      candidates: [{ revision: 2, refusedBecause: 'the queries failed in its last 10m' }, { revision: 1 }]
    }
  })
})

t.test('{{ target.pods }} are the pods of all versions when dating, and of the suspect when judging', async t => {
  const bench = await openBench(t, {
    policies: [
      policyOf({
        verify: policyOf().verify.map(query => ({
          ...query,
          promql: 'sum(rate(errors_total{pod=~"{{ target.pods }}"}[2m]))',
          boundToPods: true
        }))
      })
    ]
  })
  bench.cluster.put({
    ...badRollout(),
    pods: badRollout().pods.map((pod, index) => ({ ...pod, name: `api-2-aaaa${index}`, current: true }))
  })
  await bench.fire()

  await bench.look()

  const [decision] = await bench.audit('decision')
  t.equal(bench.cluster.writes.length, 1, JSON.stringify(decision?.body))
  const asked = new Set(bench.asked)
  t.ok(
    [...asked].every(promql => promql.includes('-[a-z0-9]{5}')),
    'whoever made errors before the change had other pods'
  )
  t.notMatch(bench.samples[0]?.queries[0]?.promql, /a-z0-9/)
})
