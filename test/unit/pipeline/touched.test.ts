import t from 'tap'
import { HOUR, MINUTE } from '../../../src/base/clock.ts'
import type { ObjectRef } from '../../../src/domain/objects.ts'
import type { Owner } from '../../../src/domain/owner.ts'
import type { PolicyStep } from '../../../src/domain/policy.ts'
import type { Touched } from '../../../src/domain/touched.ts'
import type { ManifestObject } from '../../../src/templates/manifest.ts'
import { afterIntent, type Bench, openBench, policyOf } from '../../support/bench.ts'
import { storyHelm } from '../../support/story-actions.ts'
import { StoryCluster } from '../../support/story-cluster.ts'
import { storyPlans } from '../../support/story-plans.ts'
import { badRollout, intentOf, NOON, TARGET } from '../../support/workloads.ts'

type Test = Parameters<typeof openBench>[0]
const step = (action: string): PolicyStep => ({
  action,
  with: {},
  confirm: { within: 10 * MINUTE, passes: 3, every: 30_000 }
})
const LISTED: Touched = { kind: 'Deployment', group: 'apps', namespace: 'shop', name: 'api' }
const object = (more: Partial<ManifestObject> = {}): ManifestObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  name: 'api',
  digest: 'd',
  oneWay: false,
  ...more
})

/** A release of which revision 2 is bad, and helm, which knows no more of its objects than is said here. */
async function released(
  t: Test,
  release: { readonly name: string; readonly namespace: string },
  objects?: (revision: number) => readonly ManifestObject[]
) {
  const helm = storyHelm([{}, { updatedAt: NOON - 10 * MINUTE }])
  if (objects !== undefined) helm.objects = objects
  const asked: string[] = []
  const { history } = helm
  helm.history = (place, signal) => {
    asked.push(`${place.namespace}/${place.release}`)
    return history(place, signal)
  }
  const bench = await openBench(t, { needs: { helm }, policies: [policyOf({ steps: [step('helm-rollback')] })] })
  const at = (revision: number): void =>
    bench.cluster.put({ ...badRollout(), release: { ...release, latest: { revision, status: 'deployed', changedAt: NOON - 10 * MINUTE } } })
  at(2)
  helm.onRollback = at
  return { bench, helm, asked }
}

async function outcome(bench: Bench): Promise<unknown> {
  await bench.fire()
  await bench.look()
  const { outcome, reason } = await bench.run()
  return [outcome, reason]
}

t.test('an annotation that names a release elsewhere: nothing is rolled back there, nor even asked', async t => {
  for (const namespace of ['kube-system', 'bank', 'astern']) {
    const { bench, helm, asked } = await released(t, { name: 'coredns', namespace })
    t.same(await outcome(bench), ['denied', 'namespace-not-allowed'], namespace)
    t.same([helm.made, asked], [[], []])
    t.match((await bench.run()).detail, new RegExp(`Release ${namespace}/coredns would be written too`))
  }
})

t.test('a label of an alert that names another namespace: nothing of the target there is read', async t => {
  const bench = await openBench(t)
  const read: string[] = []
  const { cluster } = bench
  Object.assign(cluster, {
    read: async (target: ObjectRef) => {
      read.push(target.namespace)
      return StoryCluster.prototype.read.call(cluster, target)
    }
  })
  const labels = { alertname: 'HighErrorRatio', namespace: 'bank', deployment: 'api' }
  await bench.fire(labels)
  await bench.look()
  t.same([(await bench.run()).reason, read], ['namespace-not-allowed', []])

  await bench.fire(labels, { startsAt: bench.clock.now() + 1 })
  await bench.fire({ ...labels, severity: 'page' })
  await bench.resolve({ ...labels, severity: 'page' })
  bench.clock.tick(MINUTE)
  await bench.fire(labels, { startsAt: bench.clock.now() })
  await bench.look()
  t.same(read, [], 'nor when the alert resolves, or says that it began once more')
})

t.test('a release must list the target itself, in the namespace where the target is', async t => {
  const copied = await released(t, { name: 'api', namespace: 'shop' }, () => [object({ name: 'original' })])
  t.same(await outcome(copied.bench), ['denied', 'not-helm-owned'])
  const elsewhere = await released(t, { name: 'api', namespace: 'shop' }, () => [object({ namespace: 'team-a' })])
  t.same(await outcome(elsewhere.bench), ['denied', 'not-helm-owned'])
  const otherGroup = await released(t, { name: 'api', namespace: 'shop' }, () => [object({ apiVersion: 'example.org/v1' })])
  t.same(await outcome(otherGroup.bench), ['denied', 'not-helm-owned'])
  t.same([copied.helm.made, elsewhere.helm.made, otherGroup.helm.made], [[], [], []])
})

t.test('everything that a rollback writes is guarded: objects elsewhere, of either revision, and in no namespace', async t => {
  const also = (found: (revision: number) => readonly ManifestObject[]) =>
    released(t, { name: 'api', namespace: 'shop' }, revision => [object({ digest: `d${revision}` }), ...found(revision)])
  const secret = object({ apiVersion: 'v1', kind: 'ConfigMap', name: 'x', namespace: 'kube-system' })
  const role = (digest: string) => object({ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', name: 'r', digest })
  const custom = (digest: string) => object({ apiVersion: 'example.org/v1', kind: 'UnknownThing', name: 'u', digest })
  const cases: readonly (readonly [string, unknown, (revision: number) => readonly ManifestObject[]])[] = [
    ['present revision', ['denied', 'namespace-not-allowed'], revision => (revision === 2 ? [secret] : [])],
    ['old revision', ['denied', 'namespace-not-allowed'], revision => (revision === 1 ? [secret] : [])],
    ['a cluster-scoped one that differs', ['denied', 'namespace-not-allowed'], revision => [role(`r${revision}`)]],
    ['a cluster-scoped one that comes', ['denied', 'namespace-not-allowed'], revision => (revision === 1 ? [role('r')] : [])],
    ['a kind that the API does not know, which differs', ['denied', 'namespace-not-allowed'], revision => [custom(`u${revision}`)]],
    ['a one-way door', ['denied', 'one-way-door'], () => [object({ name: 'db', oneWay: true })]]
  ]
  for (const [name, expected, found] of cases) {
    const { bench, helm } = await also(found)
    t.same(await outcome(bench), expected, name)
    t.same(helm.made, [], name)
  }
  const same = await also(() => [role('r'), custom('u'), object({ name: 'web', namespace: 'team-a' })])
  await same.bench.fire()
  await same.bench.look()
  t.same(same.helm.made, [1], 'what is the same in both, and what lies in allowed namespaces, is no obstacle')
})

t.test('what a run writes too is locked: a workload of the release, and the release before it', async t => {
  const web = { ...TARGET, name: 'web' }
  const { bench } = await released(t, { name: 'api', namespace: 'shop' }, () => [object(), object({ name: 'web' })])
  bench.cluster.put({ ...badRollout(), ref: web, uid: 'uid-web' })
  await bench.fire()
  await bench.look()
  const first = (await bench.run()).id
  const facts = await bench.ledger.targetFacts(web, [], 'another', bench.clock.now())
  t.equal(facts.lockedBy, first, 'another run finds it busy')
})

const kustomization = (more: Partial<Owner> = {}): Owner => ({
  kind: 'Kustomization',
  name: 'shop/apps',
  enforces: 'yes',
  detail: 'it applies what Git says',
  at: { kind: 'Kustomization', namespace: 'shop', name: 'apps' },
  lists: [LISTED],
  object: { path: KUSTOMIZATION, uid: 'uid-k', annotated: false },
  ...more
})
const KUSTOMIZATION = '/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/shop/kustomizations/apps'

async function enforced(t: Test, owner: Owner): Promise<Bench> {
  const bench = await openBench(t, { policies: [policyOf({ steps: [step('gitops-suspend'), step('rollout-undo')] })] })
  bench.cluster.kube.objects.set(KUSTOMIZATION, { kind: 'Kustomization', metadata: { name: 'apps', uid: 'uid-k' }, spec: {} })
  bench.cluster.owned = [owner]
  return bench
}

t.test('a GitOps owner is suspended only if all that it has may be written', async t => {
  const foreign = { kind: 'Deployment', group: 'apps', namespace: 'bank', name: 'ledger' }
  const cases: readonly (readonly [string, unknown, Partial<Owner>])[] = [
    ['it lies elsewhere', 'namespace-not-allowed', { at: { kind: 'Kustomization', namespace: 'flux-system', name: 'root' } }],
    ['it has something elsewhere', 'namespace-not-allowed', { lists: [LISTED, foreign] }],
    ['it has something in no namespace', 'namespace-not-allowed', { lists: [LISTED, { kind: 'ClusterRole', name: 'r' }] }],
    ['it is a one-way door', 'one-way-door', { at: { kind: 'Kustomization', namespace: 'shop', name: 'apps', oneWay: true } }]
  ]
  for (const [name, reason, more] of cases) {
    const bench = await enforced(t, kustomization(more))
    t.same(await outcome(bench), ['denied', reason], name)
    t.same([bench.cluster.writes, bench.cluster.kube.writes], [[], []], name)
  }
  const fine = await enforced(t, kustomization())
  await fine.fire()
  await fine.look()
  t.same(fine.cluster.kube.writes, [`PATCH ${KUSTOMIZATION}`])
})

t.test('no action writes to an object that its plan does not name', async t => {
  for (const { plan, send } of await storyPlans(NOON)) {
    const sent = await send(intentOf(plan))
    const own = [plan.target, ...(plan.touches ?? [])].map(({ namespace = '', name }) => `${namespace}/${name}`)
    const written = sent.flatMap(one =>
      [...one.matchAll(/\/namespaces\/([^/"]+)\/[^/"]+\/([^/"?]+)/g)].map(found => `${found[1]}/${found[2]}`)
    )
    t.same(
      written.filter(name => !own.includes(name)),
      [],
      plan.action
    )
    const elsewhere = ['http', 'circuit-breaker-reset', 'helm-rollback'].includes(plan.action)
    t.equal(written.length > 0, !elsewhere, plan.action)
  }
})

t.test('right before the write an owner is asked again what it has', async t => {
  const bench = await enforced(t, kustomization())
  afterIntent(bench, () => {
    bench.cluster.owned = [kustomization({ lists: [LISTED, { kind: 'Deployment', group: 'apps', namespace: 'bank', name: 'ledger' }] })]
  })
  t.same(await outcome(bench), ['denied', 'namespace-not-allowed'])
  t.same(bench.cluster.kube.writes, [])
})

t.test('right before the write the one-way door is looked at again', async t => {
  const bench = await openBench(t)
  afterIntent(bench, () => bench.cluster.put({ ...badRollout(), annotations: { 'astern.dev/rollback': 'deny' } }))
  t.same(await outcome(bench), ['denied', 'one-way-door'])
  t.same(bench.cluster.writes, [])
})

t.test('an owner that only metadata names is told in the evidence, and is no obstacle', async t => {
  const bench = await openBench(t)
  bench.cluster.put({ ...badRollout(), hints: ['release shop/api: only the target’s metadata names it'] })
  bench.cluster.owned = [{ kind: 'Application', name: 'argocd/shop', enforces: 'no', hint: true, detail: 'only a hint' }]
  await bench.fire()
  await bench.look()
  t.equal(bench.cluster.writes.length, 1)
  const [act] = (await bench.audit('decision')).filter(row => row.body.verdict === 'act')
  t.match(act?.body, { hints: [/release shop\/api/, 'Application argocd/shop: only a hint'] })
})

t.test('right before the write an owner that does not have the target any more is not written', async t => {
  const bench = await enforced(t, kustomization())
  afterIntent(bench, () => {
    bench.cluster.owned = [
      { kind: 'Kustomization', name: 'shop/apps', enforces: 'no', hint: true, detail: 'its inventory does not list the target' }
    ]
  })
  t.same(await outcome(bench), [undefined, 'changed-since-symptom'])
  t.same(bench.cluster.kube.writes, [])
})

t.test('right before the write a release that does not list the target any more is not rolled back', async t => {
  const { bench, helm } = await released(t, { name: 'api', namespace: 'shop' })
  afterIntent(bench, () => {
    bench.cluster.put({ ...badRollout(), release: { name: 'other', namespace: 'shop' } })
  })
  t.same(await outcome(bench), [undefined, 'changed-since-symptom'])
  t.same(helm.made, [])
})

const REVISIONS = Array.from({ length: 12 }, () => ({ updatedAt: NOON - 5 * HOUR }))

/** Helm of a release of twelve revisions, and the revisions that were read whole. */
async function long(t: Test, unreadable: readonly number[] = []) {
  const helm = storyHelm([...REVISIONS, { updatedAt: NOON - 10 * MINUTE }])
  const read: number[] = []
  const { contents } = helm
  helm.contents = async (place, revision, signal) => {
    read.push(revision)
    return unreadable.includes(revision) ? { kind: 'failed', problem: 'other', detail: 'no YAML' } : contents(place, revision, signal)
  }
  const undo = { ...step('helm-rollback'), with: { provenFor: '0s' } }
  const bench = await openBench(t, { needs: { helm }, policies: [policyOf({ steps: [undo] })] })
  const at = (revision: number): void =>
    bench.cluster.put({
      ...badRollout(),
      release: { name: 'api', namespace: 'shop', latest: { revision, status: 'deployed', changedAt: NOON - 10 * MINUTE } }
    })
  at(13)
  helm.onRollback = at
  return { bench, helm, read }
}

t.test('of a release only what is there and what would come is read whole, since a large manifest takes seconds', async t => {
  const { bench, helm, read } = await long(t)
  await bench.fire()
  await bench.look()
  t.same(helm.made, [12])
  t.same([...new Set(read)].sort(), [12, 13])
})

t.test('a revision that cannot be read is none to go back to', async t => {
  const { bench, helm } = await long(t, [12])
  await bench.fire()
  await bench.look()
  t.same(helm.made, [11])
})

t.test('the API gives no answer about kinds for a moment: waited for, and nobody is told that an object is in no namespace', async t => {
  const { bench, helm } = await released(t, { name: 'api', namespace: 'shop' })
  let answers = false
  bench.cluster.isNamespaced = async () => (answers ? true : 'no-answer')
  t.same(await outcome(bench), [undefined, 'cluster-unreachable'])
  answers = true
  await bench.pass(MINUTE)
  t.same(helm.made, [1])
})

t.test('a release with a database that must not go back, as only the cluster says, is not rolled back', async t => {
  const { bench, helm } = await released(t, { name: 'api', namespace: 'shop' }, () => [object(), object({ name: 'db' })])
  bench.cluster.kube.objects.set('/apis/apps/v1/namespaces/shop/deployments/db', {
    metadata: { name: 'db', annotations: { 'astern.dev/rollback': 'deny' } }
  })
  t.same(await outcome(bench), ['denied', 'one-way-door'])
  t.match((await bench.run()).detail, /Deployment shop\/db/)
  t.same(helm.made, [])
})
