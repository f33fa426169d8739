import t from 'tap'
import { HOUR, MINUTE, SECOND } from '../../../src/base/clock.ts'
import type { PolicyStep } from '../../../src/domain/policy.ts'
import type { Workload } from '../../../src/domain/workload.ts'
import { openBench, policyOf } from '../../support/bench.ts'
import { storyHelm } from '../../support/story-actions.ts'
import { badRollout, NOON, revisionOf, TARGET, workloadOf } from '../../support/workloads.ts'

const CONFIRM = { within: 4 * MINUTE, passes: 3, every: 30 * SECOND }
const step = (action: string, more: Partial<PolicyStep> = {}): PolicyStep => ({
  action,
  with: { provenFor: '5m' },
  confirm: CONFIRM,
  ...more
})
const UNDO = step('rollout-undo')
const ROLLBACK = step('helm-rollback')
const ladder = (...steps: PolicyStep[]) => ({ ...policyOf(), steps })

const RELEASE = { name: 'api', namespace: 'shop' }
/** Each revision before it ran for half a day. */
const latest = (revision: number, changedAt: number) => ({
  revision,
  status: 'deployed',
  changedAt,
  earlier: Array.from({ length: revision - 1 }, (_, index) => ({
    revision: revision - 1 - index,
    from: changedAt - (index + 1) * 12 * HOUR,
    to: changedAt - index * 12 * HOUR
  }))
})
/** v2 came ten minutes ago by an upgrade of the release. */
const UPGRADED: Workload = { ...badRollout(), release: { ...RELEASE, latest: latest(2, NOON - 10 * MINUTE) }, releaseLists: [] }
/** v2 came ten minutes ago by `kubectl set image`; the release is as old as v1. */
const BY_HAND: Workload = {
  ...badRollout(),
  templateManager: 'kubectl-set',
  templateManagedAt: NOON - 10 * MINUTE,
  release: { ...RELEASE, latest: latest(1, NOON - 24 * HOUR) },
  releaseLists: [],
  pastRelease: { declared: [revisionOf(1, 'app:v1', 0).identity], fields: ['spec.containers[api].image'] }
}

async function decided(
  t: Parameters<typeof openBench>[0],
  workload: Workload,
  steps: readonly PolicyStep[],
  revisions: readonly object[] = [{}, { updatedAt: NOON - 10 * MINUTE }]
) {
  const helm = storyHelm(revisions)
  const bench = await openBench(t, { policies: [ladder(...steps)], needs: { helm } })
  bench.cluster.put(workload)
  helm.onRollback = revision => bench.cluster.put({ ...workload, release: { ...RELEASE, latest: latest(revision, NOON) } })
  await bench.fire()
  await bench.look()
  const run = await bench.run()
  const [act] = (await bench.audit('decision')).filter(row => row.body.verdict === 'act')
  return {
    run,
    reason: run.reason,
    undone: bench.cluster.writes.length,
    backTo: bench.cluster.writes[0]?.to,
    rolledBack: helm.made,
    passed: act?.body.passed
  }
}

t.test('changed past helm: the release is left alone, and a ladder of both undoes, in either order', async t => {
  for (const steps of [
    [ROLLBACK, UNDO],
    [UNDO, ROLLBACK]
  ]) {
    const { undone, rolledBack } = await decided(t, BY_HAND, steps)
    t.same([undone, rolledBack], [1, []])
  }
  const { passed } = await decided(t, BY_HAND, [ROLLBACK, UNDO])
  t.match(passed, [
    { step: 0, action: 'helm-rollback', why: /changed past release [a-z0-9-]+\/api by kubectl-set.*spec\.containers\[api\]\.image/ }
  ])
})

t.test('changed past helm, and only a rollback: people, who are told that the undo would help, or that it would not', async t => {
  const { run, rolledBack } = await decided(t, BY_HAND, [ROLLBACK])
  t.same([run.outcome, run.reason, rolledBack], ['denied', 'changed-past-helm', []])
  t.match(run.detail, /use rollout-undo, which would put revision 1 \(app:v1\) back/)

  const young = workloadOf([revisionOf(1, 'app:v1', NOON - 12 * MINUTE), revisionOf(2, 'app:v2', NOON - 10 * MINUTE)])
  const { pastRelease, release } = BY_HAND
  const unproven = { ...young, release, pastRelease } as Workload
  const other = await decided(t, unproven, [ROLLBACK])
  t.equal(other.reason, 'changed-past-helm')
  t.match(other.run.detail, /rollout-undo cannot help either \(revision 1: it did not run for 5m/)
})

t.test('changed past helm: an undo goes to what the release declares, and to nothing else', async t => {
  const twice = workloadOf([
    revisionOf(1, 'app:v1', NOON - 24 * HOUR),
    revisionOf(2, 'app:hotfix', NOON - 5 * HOUR),
    revisionOf(3, 'app:v2', NOON - 10 * MINUTE)
  ])
  const { pastRelease, release } = BY_HAND
  const { backTo, run } = await decided(t, { ...twice, release, pastRelease } as Workload, [UNDO])
  t.equal(backTo, revisionOf(1, 'app:v1', 0).identity, `${run.detail}`)
})

t.test('a release that helm upgraded: the undo leaves it to the rollback, and a ladder of both goes on', async t => {
  const { undone, rolledBack, passed } = await decided(t, UPGRADED, [UNDO, ROLLBACK])
  t.same([undone, rolledBack], [0, [1]])
  t.match(passed, [{ action: 'rollout-undo', why: /release [a-z0-9-]+\/api made it.*use helm-rollback/ }])

  const alone = await decided(t, UPGRADED, [UNDO])
  t.same([alone.reason, alone.undone], ['helm-owned', 0])
  t.match(alone.run.detail, /use helm-rollback/)
})

t.test('the rollback would not help either: it is not recommended, and both reasons are told', async t => {
  const first: Workload = { ...UPGRADED, release: { ...RELEASE, latest: latest(1, NOON - 10 * MINUTE) } }
  const alone = await decided(t, first, [UNDO], [{ updatedAt: NOON - 10 * MINUTE }])
  t.equal(alone.reason, 'helm-owned')
  t.match(alone.run.detail, /helm-rollback cannot help either/)

  const quick = {
    revision: 2,
    status: 'deployed',
    changedAt: NOON - 10 * MINUTE,
    earlier: [{ revision: 1, from: NOON - 12 * MINUTE, to: NOON - 10 * MINUTE }]
  }
  const young = await decided(t, { ...UPGRADED, release: { ...RELEASE, latest: quick } }, [UNDO])
  t.match(young.run.detail, /helm-rollback cannot help either \(revision 1 of the release: it did not run for 5m/)

  const both = await decided(t, first, [UNDO, ROLLBACK], [{ updatedAt: NOON - 10 * MINUTE }])
  t.same([both.reason, both.undone, both.rolledBack], ['no-good-revision', 0, []])
  t.match(both.run.detail, /the release has no other revision; rollout-undo: helm-owned/)

  const turned = await decided(t, first, [ROLLBACK, UNDO], [{ updatedAt: NOON - 10 * MINUTE }])
  t.same([turned.reason, turned.run.step], ['no-good-revision', 0], 'that of the action whose kind it is')
  t.match(turned.run.detail, /rollout-undo: helm-owned/)

  const allTheSame = await decided(
    t,
    first,
    [ROLLBACK, step('rollout-undo', { with: { provenFor: '5m', evenIfHelmOwned: true } })],
    [{ updatedAt: NOON - 10 * MINUTE }]
  )
  t.equal(allTheSame.undone, 1, 'the policy says that it may')
})

t.test('only the template changed, or only the release: the rung that blames the other one is asked', async t => {
  const config: Workload = {
    ...workloadOf([revisionOf(1, 'app:v1', NOON - 24 * HOUR)]),
    release: { ...RELEASE, latest: latest(2, NOON - 10 * MINUTE) },
    releaseLists: []
  }
  const { rolledBack } = await decided(t, config, [UNDO, ROLLBACK])
  t.same(rolledBack, [1])

  const nobodys = await decided(t, badRollout(), [ROLLBACK, UNDO])
  t.equal(nobodys.undone, 1, 'no release owns it')
  const old = workloadOf([revisionOf(1, 'app:v1', NOON - 24 * HOUR)])
  const neither = await decided(t, old, [UNDO, ROLLBACK])
  t.same([neither.reason, neither.run.step], ['no-recent-change', 0], 'that there is no release is beside the point')
})

t.test('a ladder does not go on where the next rungs are of another sort, or about another target', async t => {
  const restart = await decided(t, UPGRADED, [UNDO, step('rollout-restart', { with: {} })])
  t.same([restart.reason, restart.undone], ['helm-owned', 0])
  const elsewhere = await decided(t, UPGRADED, [UNDO, step('helm-rollback', { target: { ...TARGET, name: 'web' } })])
  t.equal(elsewhere.reason, 'helm-owned')
})

t.test('Astern itself went back past the release, and it did not help: the release is rolled back', async t => {
  const helm = storyHelm([{}, { updatedAt: NOON - 10 * MINUTE }])
  const even = step('rollout-undo', { with: { provenFor: '5m', evenIfHelmOwned: true } })
  const bench = await openBench(t, { policies: [ladder(even, ROLLBACK)], needs: { helm } })
  bench.cluster.put(UPGRADED)
  await bench.fire()
  await bench.look()
  t.equal(bench.cluster.writes.length, 1)
  const undone = bench.cluster.workloads.get('Deployment/shop/api')
  if (undone === undefined) throw new Error('it is gone')
  bench.cluster.put({ ...undone, pastRelease: { declared: [UPGRADED.identity], fields: ['spec.containers[api].image'] } })
  await bench.pass(6 * MINUTE)
  t.same(helm.made, [1], `${(await bench.run()).detail}`)
})
