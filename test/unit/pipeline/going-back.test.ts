import t from 'tap'
import { HOUR, MINUTE, SECOND } from '../../../src/base/clock.ts'
import type { JsonObject } from '../../../src/base/json.ts'
import { targetKey } from '../../../src/domain/objects.ts'
import { type Revision, templateIdentity } from '../../../src/domain/workload.ts'
import { decideDryRun, prepareDryRun } from '../../../src/pipeline/decide/dry-run.ts'
import { openBench, policyOf } from '../../support/bench.ts'
import { NOON, podOf, revisionOf, TARGET, templateOf, workloadOf } from '../../support/workloads.ts'

const never = new AbortController().signal

/** A revision whose template is told. */
function revision(number: number, template: JsonObject, createdAt: number): Revision {
  return { ...revisionOf(number, 'x', createdAt), template, identity: templateIdentity(template) }
}

const withConfig = (image: string, name: string): JsonObject => ({
  metadata: { labels: { app: 'api' } },
  spec: { containers: [{ name: 'api', image, envFrom: [{ configMapRef: { name } }] }] }
})

t.test('the newest proven version needs what is gone: the next older one, and none left is people’s', async t => {
  const bench = await openBench(t)
  const [v0, v1, v2] = [
    revisionOf(1, 'app:v0', NOON - 20 * HOUR),
    revision(2, withConfig('app:v1', 'config-1'), NOON - 10 * HOUR),
    revisionOf(3, 'app:v2', NOON - 10 * MINUTE)
  ]
  bench.cluster.put(workloadOf([v0, v1, v2], { strategy: 'Recreate' }))
  bench.cluster.gone.add('ConfigMap config-1')
  await bench.fire()
  await bench.look()

  t.equal(bench.cluster.writes[0]?.to, v0.identity)
  t.match(bench.cluster.writes[0]?.summary, /; its strategy is Recreate: all pods go before new ones come$/)
  const [decision] = (await bench.audit('decision')).filter(row => row.body.verdict === 'act')
  t.match(JSON.stringify(decision), /it needs ConfigMap config-1, which is gone/)

  const none = await openBench(t)
  none.cluster.put(
    workloadOf([
      { ...v1, number: 1, madeAs: 1 },
      { ...v2, number: 2, madeAs: 2 }
    ])
  )
  none.cluster.gone.add('ConfigMap config-1')
  await none.fire()
  await none.look()
  const run = await none.run()
  t.same([run.outcome, run.reason, run.detail], ['denied', 'cannot-run', 'revision 1: it needs ConfigMap config-1, which is gone'])
  t.same(none.cluster.writes, [])
})

t.test('whether something is there cannot be seen: wait', async t => {
  const bench = await openBench(t)
  bench.cluster.onDryRun = () => ({ kind: 'unknown', detail: '503: overload' })
  await bench.fire()
  await bench.look()
  t.equal((await bench.run()).reason, 'cluster-unreachable')
  bench.cluster.onDryRun = undefined
  await bench.pass(30 * SECOND)
  t.equal(bench.cluster.writes.length, 1)
})

t.test('a policy of the cluster refuses the only older version: forbidden, in the policy’s own words', async t => {
  const bench = await openBench(t)
  const detail = "ValidatingAdmissionPolicy 'p' with binding 'b' denied request: v1 has a hole"
  bench.cluster.onDryRun = ({ write }) => (write.operations.some(({ op }) => op === 'replace') ? { kind: 'forbidden', detail } : undefined)
  await bench.fire()
  await bench.look()
  const run = await bench.run()
  t.same([run.outcome, run.reason, run.detail], ['denied', 'forbidden', `revision 1: the API server refuses it: ${detail}`])
})

t.test('the server takes no write right now, and says when it may: its own reason, and no fault of the older version', async t => {
  const bench = await openBench(t)
  let tried = 0
  // Only the first trial meets it: the write that changes nothing would be taken.
  bench.cluster.onDryRun = () => {
    tried += 1
    return tried === 1 ? { kind: 'not-now', reason: 'cluster-busy', detail: '429: too many', retryAfterMs: 5_000 } : undefined
  }
  await bench.fire()
  await bench.look()
  const run = await bench.run()
  t.same([run.state, run.reason], ['waiting', 'cluster-busy'])
  await bench.pass(30 * SECOND)
  t.equal(bench.cluster.writes.length, 1)
})

t.test('warnings, and what was not looked at, are in the dry run’s answer and on record', async t => {
  const bench = await openBench(t)
  bench.cluster.put(
    workloadOf([
      revision(
        1,
        { ...templateOf('app:v1'), spec: { containers: [{ name: 'api', image: 'app:v1', envFrom: [{ secretRef: { name: 'key' } }] }] } },
        NOON - 20 * HOUR
      ),
      revisionOf(2, 'app:v2', NOON - 10 * MINUTE)
    ])
  )
  bench.cluster.unseen.add('Secret')
  bench.cluster.onDryRun = () => ({ kind: 'applied', generation: 0, at: 0, warnings: ['spec.template: deprecated'] })
  const [policy] = bench.policies
  if (policy === undefined) throw new Error('no policy')
  const request = { policy, trigger: { kind: 'request', target: TARGET, id: 'r', by: 'me', at: NOON } } as const
  const { answer } = await decideDryRun(bench.ports, prepareDryRun(bench.ports, request), never)
  t.same(answer.facts.warnings, ['spec.template: deprecated'])
  t.same(answer.facts.notLookedAt, ['Secret key (no right)'])
  await bench.fire()
  await bench.look()
  const decision = (await bench.audit('decision')).findLast(row => row.body.verdict === 'act')
  t.match(decision?.body, { warnings: ['spec.template: deprecated'], notLookedAt: ['Secret key (no right)'] })
})

const bumped = (image: string): JsonObject => ({
  metadata: { labels: { app: 'api' } },
  spec: { containers: [{ name: 'api', image, env: [{ name: 'STAKATER_TLS', value: 'abc' }] }] }
})
const BUMP = NOON - 30 * SECOND

function bumpedWorkload(manager: string) {
  const [v1, v2, v3] = [
    revisionOf(1, 'app:v1', NOON - 20 * HOUR),
    revisionOf(2, 'app:v2', NOON - 10 * MINUTE),
    revision(3, bumped('app:v2'), BUMP)
  ]
  return {
    v1,
    v2,
    workload: workloadOf([v1, v2, v3], {
      templateManager: manager,
      templateManagedAt: BUMP,
      templateManagerOnlyMarks: true,
      rollout: { state: 'complete', seen: true, detail: '', available: true, progressedAt: BUMP, completedAt: BUMP, brokenPods: [] },
      pods: [podOf('a', { of: 'api-2', current: false }), podOf('b', { of: 'api-3' })]
    })
  }
}

t.test('an operator’s bump after the symptom began: nobody is fixing forward, and who did what is told', async t => {
  for (const [manager, reason] of [
    ['reloader', 'operator-change'],
    ['kubectl-set', 'changed-since-symptom']
  ] as const) {
    const bench = await openBench(t)
    bench.cluster.put(bumpedWorkload(manager).workload)
    await bench.fire()
    await bench.pass(3 * MINUTE)
    const run = await bench.run()
    t.equal(run.reason, reason, manager)
    t.match(run.detail, new RegExp(`by ${manager} \\(variable STAKATER_TLS of api\\)`))
    t.same(bench.cluster.writes, [])
  }
})

t.test(
  'an operator’s bump too close to the symptom to be ordered: either way an undo brings nothing back, and people learn what to write',
  async t => {
    for (const [manager, reason] of [
      ['reloader', 'operator-change'],
      ['kubectl-set', 'order-unclear']
    ] as const) {
      const bench = await openBench(t, { policies: [policyOf({ verify: policyOf().verify.map(query => ({ ...query, samples: 1 })) })] })
      bench.since = BUMP + 300
      bench.cluster.put(bumpedWorkload(manager).workload)
      bench.clock.tick(3 * MINUTE)
      await bench.fire()
      await bench.pass(3 * MINUTE)
      const run = await bench.run()
      t.equal(run.reason, reason, manager)
      t.match(run.detail, /too close to tell which came first/)
      if (reason === 'operator-change') t.match(run.detail, /with ignoreEnv: \[STAKATER_TLS\] the policy takes it for no new version/)
      t.same(bench.cluster.writes, [])
    }
  }
)

const SOON_PROVEN = { action: 'rollout-undo', with: { provenFor: '5m' }, confirm: { within: 10 * MINUTE, passes: 3, every: 30_000 } }

t.test('an operator’s bump before the symptom: to undo it brings nothing back, and is not offered', async t => {
  for (const [manager, reason] of [
    ['reloader', 'operator-change'],
    ['kubectl-set', undefined]
  ] as const) {
    const bench = await openBench(t, { policies: [policyOf({ steps: [SOON_PROVEN] })] })
    bench.since = NOON + MINUTE
    bench.cluster.put(bumpedWorkload(manager).workload)
    bench.clock.tick(3 * MINUTE)
    await bench.fire()
    await bench.look()
    t.equal((await bench.run()).reason, reason, manager)
    const summary = bench.cluster.writes[0]?.summary
    if (reason === undefined)
      t.equal(summary, 'put revision 2 back in place of revision 3: both are app:v2, and they differ in variable STAKATER_TLS of api')
    else t.equal(summary, undefined)
  }
})

t.test('what the policy ignores makes no version: the one before it is judged, and undone', async t => {
  const bench = await openBench(t, { policies: [policyOf({ ignore: { annotations: [], env: ['STAKATER_*'] } })] })
  const { v1, v2, workload } = bumpedWorkload('reloader')
  bench.cluster.put(workload)
  // The watch knows versions by everything that they have.
  await bench.ledger.recordObserved(TARGET, { uid: 'uid-api', identity: v2.identity, at: NOON - 10 * MINUTE, seen: true })
  await bench.ledger.recordObserved(TARGET, { uid: 'uid-api', identity: workload.identity, at: BUMP, seen: true })
  await bench.fire()
  await bench.pass(3 * MINUTE)

  t.equal(bench.cluster.writes.length, 1)
  const [plan] = bench.cluster.writes
  t.match(plan?.summary, /put revision 1 \(app:v1\) back in place of revision 3 \(app:v2\)/)
  t.ok(
    [v2.identity, workload.identity].every(name => plan?.bad.includes(name)),
    'the bad version is remembered under every name'
  )
  t.equal(plan?.to, v1.identity)
  const [decision] = (await bench.audit('decision')).filter(row => row.body.verdict === 'act')
  t.match(decision?.body, { change: { kind: 'known', at: NOON - 10 * MINUTE } })
})

t.test('one tag, two images: an undo cannot help, and the reason says it; a later move is no fault', async t => {
  const images = (id: string, startedAt: number) => ({
    images: [{ container: 'api', image: 'app:v2', id, startedAt }],
    createdAt: startedAt
  })
  const moved = (at: number) =>
    workloadOf([revisionOf(1, 'app:v1', NOON - 20 * HOUR), revisionOf(2, 'app:v2', NOON - 10 * MINUTE)], {
      pods: [podOf('a', images('old', NOON - 10 * MINUTE)), podOf('b', images('new', at))]
    })
  const bench = await openBench(t)
  bench.cluster.put(moved(NOON - 5 * MINUTE))
  await bench.fire()
  await bench.look()
  const run = await bench.run()
  t.same([run.outcome, run.reason], ['denied', 'image-moved'])
  t.match(run.detail, /1 of 2 pods run another image of the same name in api: app:v2 was old and is new/)

  const later = await openBench(t)
  later.cluster.put(moved(NOON - 20 * SECOND))
  await later.fire()
  await later.look()
  t.equal(later.cluster.writes.length, 1, 'the symptom was there before: v2 is to blame all the same')
})

t.test('after the write an operator renews its checksum: the write stands; a person’s change is theirs, and is told', async t => {
  for (const [manager, outcome] of [
    ['reloader', 'recovered'],
    ['kubectl-set', 'unknown']
  ] as const) {
    const bench = await openBench(t)
    await bench.fire()
    await bench.look()
    t.equal(bench.cluster.writes.length, 1)
    const undone = bench.cluster.workloads.get(targetKey(TARGET))
    if (undone === undefined) throw new Error('no target')
    const renewed = revision(9, bumped('app:v1'), bench.clock.now())
    bench.cluster.put({
      ...undone,
      template: renewed.template,
      identity: renewed.identity,
      revisions: [renewed, ...undone.revisions],
      templateManager: manager,
      templateManagedAt: bench.clock.now(),
      templateManagerOnlyMarks: true
    })
    bench.value = 0.001
    await bench.pass(10 * MINUTE)
    const run = await bench.run()
    t.equal(run.outcome, outcome, manager)
    if (outcome === 'unknown')
      t.match(run.detail, /someone changed the target after the write by kubectl-set \(variable STAKATER_TLS of api\)/)
  }
})
