import t from 'tap'
import { HOUR, MINUTE, SECOND } from '../../../src/base/clock.ts'
import type { PolicyStep } from '../../../src/domain/policy.ts'
import { prepareDryRun } from '../../../src/pipeline/decide/dry-run.ts'
import { dryRun } from '../../../src/pipeline/settle/dry-run.ts'
import { type Bench, openBench, policyOf } from '../../support/bench.ts'
import { actionStories } from '../../support/story-actions.ts'
import { badRollout, NOON, podOf, revisionOf, TARGET, workloadOf } from '../../support/workloads.ts'

const CONFIRM = { within: 4 * MINUTE, passes: 3, every: 30 * SECOND }
const step = (action: string, more: Partial<PolicyStep> = {}): PolicyStep => ({ action, with: {}, confirm: CONFIRM, ...more })
const condition = (name: string): PolicyStep['when'] => {
  const [query] = policyOf().verify
  return query === undefined ? { queries: [] } : { queries: [{ ...query, name, samples: 1 }] }
}
const { changedWithin: _, ...anyTime } = policyOf()
const ladder = (...steps: PolicyStep[]) => ({ ...anyTime, steps })
const written = (bench: Bench): readonly string[] => bench.cluster.writes.map(plan => plan.action)

t.test('after a restart a rollback still needs a change to blame: a restart is nobody’s version', async t => {
  const bench = await openBench(t, { policies: [ladder(step('rollout-restart'), step('rollout-undo'))] })
  bench.cluster.put(workloadOf([revisionOf(1, 'app:v1', NOON - 9 * HOUR), revisionOf(2, 'app:v2', NOON - 3 * HOUR)]))
  await bench.fire()
  await bench.pass(15 * MINUTE)

  t.same(written(bench), ['rollout-restart'])
  const run = await bench.run()
  t.same([run.outcome, run.reason, run.step], ['denied', 'no-recent-change', 1])
})

t.test('a rung whose condition does not hold is passed over, and looked at anew each time', async t => {
  const bench = await openBench(t, {
    policies: [ladder(step('rollout-restart', { when: condition('sick') ?? { queries: [] } }))]
  })
  bench.values.set('sick', 0)
  await bench.fire()
  await bench.pass(2 * MINUTE)
  t.same([(await bench.run()).state, (await bench.run()).reason], ['waiting', 'no-step-applies'])

  bench.values.set('sick', 1)
  await bench.pass(30 * SECOND)
  t.same(written(bench), ['rollout-restart'], 'it applies now')
})

t.test('whether a condition holds cannot be told: neither yes nor no', async t => {
  const bench = await openBench(t, {
    policies: [ladder(step('rollout-restart', { when: condition('sick') ?? { queries: [] } }), step('rollout-undo'))]
  })
  bench.values.set('sick', 'no-data')
  await bench.fire()
  await bench.pass(2 * MINUTE)
  t.same([(await bench.run()).state, (await bench.run()).reason], ['waiting', 'inconclusive'])
  t.same(written(bench), [], 'the next rung is not climbed in its place')
})

t.test('no rung applies any more, and something was written: used up', async t => {
  const bench = await openBench(t, {
    policies: [ladder(step('rollout-restart'), step('rollout-undo', { when: condition('never') ?? { queries: [] } }))]
  })
  bench.values.set('never', 0)
  await bench.fire()
  await bench.pass(12 * MINUTE)
  const run = await bench.run()
  t.same([run.outcome, run.reason], ['ineffective', 'no-step-applies'])
  t.same(await bench.messages(), ['needs-people: Deployment/shop/api: HighErrorRatio: ineffective (no-step-applies)'])
})

t.test('changedWithin of a rung: of the two services, the one that changed', async t => {
  const other = { ...TARGET, name: 'auth' }
  const bench = await openBench(t, {
    policies: [
      ladder(
        step('rollout-undo', { when: { changedWithin: HOUR, queries: [] } }),
        step('rollout-undo', { target: other, when: { changedWithin: HOUR, queries: [] } })
      )
    ]
  })
  bench.cluster.put(workloadOf([revisionOf(1, 'app:v1', NOON - 9 * HOUR), revisionOf(2, 'app:v2', NOON - 3 * HOUR)]))
  bench.cluster.put({ ...badRollout(), ref: other, uid: 'uid-auth' })
  await bench.fire()
  await bench.look()

  t.same(
    bench.cluster.writes.map(plan => plan.target.name),
    ['auth']
  )
  const [lock] = await Promise.all([bench.ledger.targetFacts(other, [], 'x', bench.clock.now())])
  t.equal(lock.lockedBy, (await bench.run()).id, 'its own lock')
})

t.test('nothing changed in the time that the rungs name: waiting does not end that, and people are told at once', async t => {
  const bench = await openBench(t, { policies: [ladder(step('rollout-undo', { when: { changedWithin: 5 * MINUTE, queries: [] } }))] })
  await bench.fire()
  await bench.look()
  t.match(await bench.run(), { outcome: 'denied', reason: 'no-recent-change', detail: /rollout-undo: api changed .* more than 5m before/ })
})

t.test('a preparation that is not needed is passed over', async t => {
  const bench = await openBench(t, { policies: [ladder(step('gitops-suspend'), step('rollout-undo'))] })
  await bench.fire()
  await bench.look()
  t.same(written(bench), ['rollout-undo'])
})

t.test('what a rung would do is so already, and the symptom is there: the next rung; none left: people', async t => {
  const story = actionStories().find(one => one.name === 'circuit-breaker-reset')
  if (story === undefined) throw new Error('there is no such story')
  const closed = {
    send: async () => ({ kind: 'response' as const, status: 200, body: '{"circuitBreakers":{"payments":{"state":"CLOSED"}}}' })
  }
  const bench = await openBench(t, { policies: [ladder(...story.steps, step('rollout-undo'))], needs: { http: closed } })
  story.set?.(bench.cluster)
  const [policy] = bench.policies
  if (policy === undefined) throw new Error('no policy')
  const trigger = { kind: 'request', id: 'r', by: 'ann', at: bench.clock.now(), target: TARGET } as const
  const dry = await dryRun(bench.ports, prepareDryRun(bench.ports, { policy, trigger }), AbortSignal.timeout(60_000))
  t.match(dry, { outcome: 'dry-run', detail: /would put revision 1/ }, 'a dry run walks the same road')
  await bench.fire()
  await bench.look()
  t.same(written(bench), ['rollout-undo'])
  const [act] = (await bench.audit('decision')).filter(row => row.body.verdict === 'act')
  t.match(act?.body, { passed: [{ step: 0, action: 'circuit-breaker-reset', why: /CLOSED/ }] })

  const last = await openBench(t, { policies: [ladder(...story.steps)], needs: { http: closed } })
  story.set?.(last.cluster)
  await last.fire()
  await last.look()
  t.same([(await last.run()).outcome, (await last.run()).reason], ['denied', 'already-so'])
})

t.test('one at a time on a release too: two workloads of one release', async t => {
  const release = { name: 'shop', namespace: 'shop' }
  const web = { ...TARGET, name: 'web' }
  const bench = await openBench(t, { policies: [ladder(step('rollout-restart'))] })
  bench.cluster.put({ ...badRollout(), release })
  bench.cluster.put({ ...badRollout(), ref: web, uid: 'uid-web', release })
  await bench.fire()
  await bench.look()
  await bench.fire({ alertname: 'HighErrorRatio', namespace: 'shop', deployment: 'web' })
  await bench.look()

  t.same(
    bench.cluster.writes.map(plan => plan.target.name),
    ['api']
  )
  t.equal((await bench.run()).reason, 'target-busy')
})

t.test('a release that changed after the symptom: someone is fixing forward; one that is being changed: wait', async t => {
  const bench = await openBench(t)
  const release = (changedAt: number, status = 'deployed') => ({
    name: 'shop',
    namespace: 'shop',
    latest: { revision: 3, status, changedAt }
  })
  bench.cluster.put({ ...badRollout(), release: release(NOON + MINUTE) })
  await bench.fire()
  bench.clock.tick(4 * MINUTE)
  await bench.look()
  t.equal((await bench.run()).reason, 'changed-since-symptom')

  bench.cluster.put({ ...badRollout(), release: release(NOON - 5 * MINUTE, 'pending-upgrade') })
  await bench.pass(30 * SECOND)
  t.equal((await bench.run()).reason, 'rollout-moving')
})

t.test('deploy markers: a witness of when, and a forward fix that CI tells before it is seen', async t => {
  const bench = await openBench(t)
  const reused = workloadOf([revisionOf(2, 'app:v2', NOON - 8 * HOUR), revisionOf(3, 'app:v1', NOON - 10 * HOUR, { reused: true })])
  bench.cluster.put({ ...reused, templateManagedAt: NOON - 10 * MINUTE, rollout: { ...reused.rollout, progressedAt: NOON - 3 * HOUR } })
  await bench.fire()
  await bench.look()
  t.equal((await bench.run()).reason, 'change-time-unknown', 'the condition and the manager disagree')

  const marker = { id: 'ci-1', at: NOON - 10 * MINUTE, version: 'v1', by: 'ci', of: 'Deployment/shop/api' }
  const again = await openBench(t)
  again.cluster.put({ ...reused, templateManagedAt: NOON - 10 * MINUTE, rollout: { ...reused.rollout, progressedAt: NOON - 3 * HOUR } })
  await again.ledger.recordMarker(marker, [])
  await again.ledger.recordMarker(marker, [])
  await again.fire()
  await again.look()
  t.not((await again.run()).reason, 'change-time-unknown')
  t.equal((await again.ledger.targetFacts(TARGET, [], 'x', NOON)).markers.length, 1, 'told twice is told once')

  const third = await openBench(t)
  await third.ledger.recordMarker({ ...marker, at: NOON + MINUTE }, [])
  await third.fire()
  third.clock.tick(2 * MINUTE)
  await third.look()
  t.equal((await third.run()).reason, 'changed-since-symptom')
  t.same(third.cluster.writes, [])
})

t.test('enforced by GitOps: denied, with the owner and the revert to make; unknown is enforced', async t => {
  for (const enforces of ['yes', 'unknown'] as const) {
    const bench = await openBench(t)
    bench.cluster.owned = [{ kind: 'Application', name: 'argocd/shop', enforces, detail: 'automated sync' }]
    await bench.fire()
    await bench.look()
    const run = await bench.run()
    t.same([run.outcome, run.reason], ['denied', 'gitops-owned'])
    t.match(run.detail, /Application argocd\/shop: automated sync\. The change to make there: put revision 1/)
    t.same([bench.cluster.writes, bench.cluster.dryRuns], [[], []])
  }
  const bench = await openBench(t)
  bench.cluster.owned = [{ kind: 'Application', name: 'argocd/shop', enforces: 'no', detail: 'synced by hand' }]
  await bench.fire()
  await bench.look()
  t.equal(bench.cluster.writes.length, 1, 'one that does not enforce is no obstacle')
})

async function surge(t: Parameters<typeof openBench>[0]): Promise<Bench> {
  const story = actionStories().find(one => one.name === 'scale')
  if (story === undefined) throw new Error('there is no such story')
  const bench = await openBench(t, { policies: [ladder(...story.steps)] })
  story.set?.(bench.cluster)
  return bench
}
async function loanMessages(bench: Bench) {
  const due = await bench.ledger.claimMessages(bench.clock.now() + HOUR, bench.clock.now(), 1_000)
  return due.map(({ message }) => message).filter(message => message.subject.kind === 'loan')
}

const replicas = (bench: Bench): number | undefined => bench.cluster.workloads.get('Deployment/shop/api')?.replicas

t.test('what was borrowed is given back after the recovery, and not before', async t => {
  const bench = await surge(t)
  await bench.fire()
  await bench.look()
  t.equal(replicas(bench), 5)
  t.match(await bench.ledger.heldLoans(9), [{ loan: { summary: 'scale deployment/api back to 3' }, plan: { target: TARGET } }])
  bench.value = 0.001
  await bench.pass(4 * MINUTE)
  const run = await bench.run()
  t.equal(run.outcome, 'recovered')
  bench.clock.tick(MINUTE)
  await bench.look()
  t.equal(replicas(bench), 3)
  t.equal((await bench.audit('loan-returned')).length, 1)
  t.match(await loanMessages(bench), [{ event: 'over', title: 'Deployment/shop/api: given back', severity: 'info' }])
})

t.test('the switch holds giving back up; not recovered, it is given back at the latest', async t => {
  const bench = await surge(t)
  await bench.fire()
  await bench.look()
  await bench.pass(15 * MINUTE)
  t.equal((await bench.run()).outcome, 'ineffective')
  t.equal(replicas(bench), 5, 'people have it now')
  await bench.ledger.setSwitch({ mode: 'off', reason: 'looking', by: 'ann', at: bench.clock.now() })
  bench.clock.tick(25 * HOUR)
  await bench.look()
  t.equal(replicas(bench), 5)
  await bench.ledger.setSwitch({ mode: 'auto', reason: 'looked', by: 'ann', at: bench.clock.now() })
  bench.clock.tick(MINUTE)
  await bench.look()
  t.equal(replicas(bench), 3)
})

t.test('what people changed since is theirs, and they are told', async t => {
  const bench = await surge(t)
  await bench.fire()
  await bench.look()
  const path = '/apis/apps/v1/namespaces/shop/deployments/api/scale'
  bench.cluster.kube.objects.set(path, { metadata: { uid: 'uid-api', resourceVersion: '9' }, spec: { replicas: 7 } })
  bench.value = 0.001
  await bench.pass(6 * MINUTE)
  t.equal((await bench.audit('loan-kept')).length, 1)
  t.match((await bench.messages()).join('\n'), /needs-people: Deployment\/shop\/api: not given back/)
  t.match(await loanMessages(bench), [{ event: 'needs-people', severity: 'critical' }])
})

t.test('giving back that fails unexpectedly is tried again soon, and holds up nothing else', async t => {
  const bench = await surge(t)
  await bench.fire()
  await bench.look()
  const failures: string[] = []
  Object.assign(bench.ports.recorder, { failed: (what: string) => failures.push(what) })
  const scale = bench.ports.actions.find(action => action.name === 'scale') ?? t.fail('there is no such action')
  const giveBack = Object.getOwnPropertyDescriptor(scale, 'giveBack') ?? {}
  Object.defineProperty(scale, 'giveBack', { ...giveBack, value: () => Promise.reject(new Error('a fault of our own')) })
  bench.value = 0.001
  await bench.pass(6 * MINUTE)
  t.equal((await bench.run()).outcome, 'recovered')
  t.equal(replicas(bench), 5)
  t.match(failures, [/^loan /])
  Object.defineProperty(scale, 'giveBack', giveBack)
  bench.clock.tick(31 * SECOND)
  await bench.look()
  t.equal(replicas(bench), 3, 'half a minute later, and not when the claim has run out')
})

t.test('a sick pod among others is told to the API server once', async t => {
  const bench = await openBench(t, { policies: [ladder(step('delete-pod'))] })
  bench.cluster.put({ ...badRollout(), pods: [podOf('a', { ready: false }), podOf('b'), podOf('c')] })
  await bench.fire()
  await bench.look()
  t.same(bench.cluster.kube.writes, ['POST /api/v1/namespaces/shop/pods/a/eviction'])
})
