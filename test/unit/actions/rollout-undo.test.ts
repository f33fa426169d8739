import fc from 'fast-check'
import t from 'tap'
import { rolloutRestart } from '../../../src/actions/rollout-restart/rollout-restart.ts'
import { stampedPatch } from '../../../src/actions/rollout-restart/stamp.ts'
import { rolloutUndo } from '../../../src/actions/rollout-undo/rollout-undo.ts'
import { HOUR, MINUTE } from '../../../src/base/clock.ts'
import { changeOf } from '../../../src/domain/change.ts'
import { templateForWrite, templateIdentity, type Workload } from '../../../src/domain/workload.ts'
import { intentOf, NOON, planInput, revisionOf, TARGET, templateOf, workloadOf } from '../../support/workloads.ts'

const chosen = (workload: Workload, more: Partial<Parameters<typeof rolloutUndo.plan>[0]> = {}): unknown => {
  const result = rolloutUndo.plan(planInput(workload, more))
  return result.kind === 'plan' ? result.plan.facts['toRevision'] : result.refusal.reason
}

t.test('identity: restarts, the hash label and Astern’s own marks make no other version', async t => {
  const plain = templateIdentity(templateOf('app:1'))
  t.equal(templateIdentity(templateOf('app:1', { 'kubectl.kubernetes.io/restartedAt': 'now' })), plain)
  t.equal(templateIdentity(templateOf('app:1', { 'astern.dev/restartedAt': 'now', 'astern.dev/x': '1' })), plain)
  t.equal(
    templateIdentity({ ...templateOf('app:1'), metadata: { creationTimestamp: null, labels: { app: 'api', 'pod-template-hash': 'abc' } } }),
    plain
  )
  t.not(templateIdentity(templateOf('app:1', { 'checksum/config': 'x' })), plain)
  t.not(templateIdentity(templateOf('app:2')), plain)
  t.same(templateForWrite({ metadata: { labels: { app: 'api', 'pod-template-hash': 'abc' } }, spec: {} }), {
    metadata: { labels: { app: 'api' } },
    spec: {}
  })
})

t.test('identity does not depend on the order of keys', async t => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.string()), annotations => {
      const shuffled = Object.fromEntries(Object.entries(annotations).reverse())
      return templateIdentity(templateOf('a', annotations)) === templateIdentity(templateOf('a', shuffled))
    })
  )
  t.pass()
})

t.test('where to: the newest proven revision that differs, never the remembered bad one, or nowhere', async t => {
  const v1 = revisionOf(1, 'app:v1', NOON - 10 * HOUR)
  const v2 = revisionOf(2, 'app:v2', NOON - 5 * HOUR)
  const v3 = revisionOf(3, 'app:v3', NOON - 10 * MINUTE)
  t.equal(chosen(workloadOf([v1, v2, v3])), 2)
  t.equal(chosen(workloadOf([v1, v2, v3]), { bad: [v2.identity] }), 1)
  t.equal(chosen(workloadOf([v1, v2, v3]), { bad: [v1.identity, v2.identity] }), 'no-good-revision')
  t.equal(chosen(workloadOf([v3])), 'no-good-revision')
})

t.test('kubectl would go back to the restarted bad version; Astern goes behind it', async t => {
  const v1 = revisionOf(1, 'app:v1', NOON - 10 * HOUR)
  const bad = revisionOf(2, 'app:v2', NOON - 20 * MINUTE)
  const restarted = {
    ...revisionOf(3, 'app:v2', NOON - 10 * MINUTE),
    template: templateOf('app:v2', { 'kubectl.kubernetes.io/restartedAt': 'x' })
  }
  t.equal(chosen(workloadOf([v1, bad, restarted])), 1)
})

t.test('proven: long enough, and no incident open when it was replaced', async t => {
  const v1 = revisionOf(1, 'app:v1', NOON - 10 * HOUR)
  const v2 = revisionOf(2, 'app:v2', NOON - 15 * MINUTE)
  const v3 = revisionOf(3, 'app:v3', NOON - 10 * MINUTE)
  const workload = workloadOf([v1, v2, v3])
  t.equal(chosen(workload), 1, 'v2 ran five minutes only')
  t.equal(chosen(workload, { options: { provenFor: '5m' } }), 2)
  t.equal(
    chosen(workload, { options: { provenFor: '5m' }, incidents: [{ from: NOON - 12 * MINUTE }] }),
    1,
    'an incident was open when v2 was replaced'
  )
  t.equal(
    chosen(workload, { options: { provenFor: '5m' }, incidents: [{ from: NOON - 12 * MINUTE, to: NOON - 11 * MINUTE }] }),
    1,
    'or shortly before'
  )
  t.equal(
    chosen(workload, { options: { provenFor: '5m' }, incidents: [{ from: NOON - 5 * MINUTE }] }),
    2,
    'the one of now does not count against it'
  )
})

t.test('a re-used ReplicaSet is proven only by what the watch saw', async t => {
  const v1 = revisionOf(3, 'app:v1', NOON - 10 * HOUR, { reused: true })
  const v2 = revisionOf(2, 'app:v2', NOON - 5 * HOUR)
  const v4 = revisionOf(4, 'app:v4', NOON - 10 * MINUTE)
  const workload = workloadOf([v1, v2, v4])
  t.equal(chosen(workload, { bad: [v2.identity] }), 'no-good-revision')
  const observed = [
    { uid: 'uid-api', identity: v1.identity, at: NOON - 3 * HOUR, seen: true },
    { uid: 'uid-api', identity: v4.identity, at: NOON - 10 * MINUTE, seen: true }
  ]
  t.equal(chosen(workload, { bad: [v2.identity], observed }), 3)
  t.equal(
    chosen(workload, { bad: [v2.identity], observed: observed.map(template => ({ ...template, uid: 'another' })) }),
    'no-good-revision',
    'of this very object'
  )
  t.equal(
    chosen(workload, { bad: [v2.identity], observed: observed.map((template, index) => ({ ...template, seen: index === 0 })) }),
    'no-good-revision',
    'when it ended was not seen'
  )
})

t.test('how long it ran ends where the next number was made; where that is gone, or given twice, it is not known', async t => {
  const v1 = revisionOf(1, 'app:v1', NOON - 10 * HOUR)
  const v3 = revisionOf(3, 'app:v3', NOON - 10 * MINUTE)
  t.equal(chosen(workloadOf([v1, v3])), 'no-good-revision', 'revision 2 was deleted: v1 may have run for a minute')
  const v2 = revisionOf(4, 'app:v2', NOON - 10 * HOUR + MINUTE, { reused: true, madeAs: 2 })
  t.equal(chosen(workloadOf([v1, v3, v2])), 'no-good-revision', 'it ran for a minute until v2, now revision 4, was made')
  t.equal(chosen(workloadOf([v1, v3, { ...v2, createdAt: NOON - 5 * HOUR }])), 1)
  t.equal(chosen(workloadOf([v1, { ...v1, identity: 'other' }, revisionOf(2, 'app:v2', NOON - HOUR)])), 'no-good-revision', 'two say 1')
})

t.test('whatever the history, the plan goes to a kept revision that differs, is not bad, and carries both preconditions', async t => {
  const history = fc.array(
    fc.record({ image: fc.constantFrom('a', 'b', 'c', 'd'), gap: fc.integer({ min: 1, max: 100 }), reused: fc.boolean() }),
    { minLength: 1, maxLength: 8 }
  )
  fc.assert(
    fc.property(history, fc.subarray(['a', 'b', 'c', 'd']), (steps, bad) => {
      let at = NOON - 100 * HOUR
      const revisions = steps.map((step, index) => {
        at += step.gap * MINUTE
        return revisionOf(index + 1, step.image, at, { reused: step.reused })
      })
      const workload = workloadOf(revisions)
      const badIdentities = bad.map(image => revisionOf(1, image, 0).identity)
      const result = rolloutUndo.plan(planInput(workload, { bad: badIdentities }))
      if (result.kind === 'refused') return result.refusal.reason === 'no-good-revision'
      const { plan } = result
      return (
        plan.to !== workload.identity &&
        !badIdentities.includes(plan.to ?? '') &&
        revisions.some(revision => revision.identity === plan.to) &&
        plan.write.operations[0]?.path === '/metadata/uid' &&
        plan.write.operations[1]?.op === 'test' &&
        plan.write.operations[1]?.value === workload.template &&
        /kubectl/.test(plan.reverse)
      )
    }),
    { numRuns: 500 }
  )
  t.pass()
})

t.test('restart: our own key, the same identity, every precondition', async t => {
  const workload = workloadOf([revisionOf(1, 'app:v1', NOON)])
  const result = rolloutRestart.plan(planInput(workload))
  if (result.kind !== 'plan') throw new Error('no plan')
  const { operations } = stampedPatch(result.plan.write, NOON)
  t.same(
    operations.map(({ op, path }) => `${op} ${path}`),
    ['test /metadata/uid', 'test /spec/template', 'add /spec/template/metadata/annotations']
  )
  t.same(operations[2]?.value, { 'astern.dev/restartedAt': '2026-11-21T12:00:00.000Z' })
  t.equal(result.plan.from, result.plan.to)
  t.same(result.plan.bad, [])
})

t.test('restart of an Argo Rollout: its own field, in whole seconds, and the mark on the Rollout itself', async t => {
  const workload: Workload = { ...workloadOf([revisionOf(1, 'app:v1', NOON)]), ref: { ...TARGET, kind: 'Rollout' } }
  const result = rolloutRestart.plan(planInput(workload))
  if (result.kind !== 'plan') throw new Error('no plan')
  t.same(stampedPatch(result.plan.write, NOON + 999), {
    kind: 'json-patch',
    path: '/apis/argoproj.io/v1alpha1/namespaces/shop/rollouts/api',
    operations: [
      { op: 'test', path: '/metadata/uid', value: 'uid-api' },
      { op: 'add', path: '/spec/restartAt', value: '2026-11-21T12:00:00Z' }
    ],
    mark: 'first'
  })
  const intent = intentOf(result.plan, 'i1')
  t.equal(rolloutRestart.effect(intent, workload), 'not-seen')
  t.equal(rolloutRestart.effect(intent, { ...workload, annotations: { 'astern.dev/intent': 'i1' } }), 'seen')
})

t.test('effect: told by the intent’s mark on the object, never guessed', async t => {
  const workload = workloadOf([revisionOf(1, 'app:v1', NOON - 10 * HOUR), revisionOf(2, 'app:v2', NOON - 10 * MINUTE)])
  const result = rolloutUndo.plan(planInput(workload))
  if (result.kind !== 'plan') throw new Error('no plan')
  const intent = intentOf(result.plan, 'i1')
  const back = workloadOf([revisionOf(2, 'app:v2', NOON), revisionOf(3, 'app:v1', NOON - 10 * HOUR)])
  t.equal(rolloutUndo.effect(intent, workload), 'not-seen')
  t.equal(rolloutUndo.effect(intent, { ...back, templateAt: { ...back.templateAt, mark: 'i1' } }), 'seen')
  t.equal(rolloutUndo.effect(intent, back), 'superseded', 'somebody else’s undo is not ours')
  t.equal(rolloutUndo.effect(intent, { ...workload, uid: 'new' }), 'superseded', 'the object was replaced')
})

t.test('when it changed: the watch, else the ReplicaSet made for it, else two witnesses that agree', async t => {
  const v1 = revisionOf(1, 'app:v1', NOON - 10 * HOUR)
  const v2 = revisionOf(2, 'app:v2', NOON - HOUR)
  const workload = workloadOf([v1, v2])
  t.same(changeOf(workload, []), { kind: 'known', at: NOON - HOUR, by: 'revision' })
  t.same(changeOf(workload, [{ uid: 'uid-api', identity: v2.identity, at: NOON - 61 * MINUTE, seen: true }]), {
    kind: 'known',
    at: NOON - 61 * MINUTE,
    by: 'watch'
  })
  t.same(
    changeOf(workload, [{ uid: 'uid-api', identity: v2.identity, at: NOON, seen: false }]),
    { kind: 'known', at: NOON - HOUR, by: 'revision' },
    'found is not seen'
  )
  const reused = { ...workloadOf([v2, revisionOf(3, 'app:v1', NOON - 10 * HOUR, { reused: true })]), templateManagedAt: NOON - 30_000 }
  const witness = (progressedAt: number) => changeOf({ ...reused, rollout: { ...reused.rollout, progressedAt } }, [])
  t.same(witness(NOON), { kind: 'known', at: NOON, by: 'manager' })
  t.equal(witness(NOON - 10 * MINUTE).kind, 'unknown')
})
