import fc from 'fast-check'
import t from 'tap'
import { afterUndo, onlyIn } from '../../../src/actions/next-deploy.ts'
import { rolloutUndo } from '../../../src/actions/rollout-undo/rollout-undo.ts'
import { watchUndo } from '../../../src/actions/rollout-undo/unstick.ts'
import { templateWriteStands } from '../../../src/actions/template-patch.ts'
import type { JsonObject } from '../../../src/base/json.ts'
import { templateIdentity } from '../../../src/domain/workload.ts'
import { StoryCluster } from '../../support/story-cluster.ts'
import { storyTools } from '../../support/story-tools.ts'
import { badRollout, intentOf, NOON, planInput, podOf, templateOf } from '../../support/workloads.ts'

const pod = (containers: readonly JsonObject[], more: JsonObject = {}): JsonObject => ({
  metadata: { labels: { app: 'api' } },
  spec: { containers, ...more }
})

t.test('what only the version that is back has is named by its place', async t => {
  const env = (...names: readonly string[]): JsonObject => ({ name: 'main', image: 'a', env: names.map(name => ({ name, value: '1' })) })
  t.same(onlyIn(pod([env('OLD', 'BOTH'), { name: 'b' }]), pod([env('NEW', 'BOTH'), { name: 'c' }])), [
    'spec.containers[main].env[OLD]',
    'spec.containers[b]'
  ])
  t.same(onlyIn(pod([env()], { nodeSelector: { disk: 'ssd' } }), pod([env()])), ['spec.nodeSelector'])
  t.same(onlyIn(pod([env()], { volumes: [] }), pod([env()])), [], 'an empty list is nothing')
  t.same(onlyIn(pod([{ name: 'main', args: ['a'] }]), pod([{ name: 'main', args: ['b'] }])), [], 'such a list is replaced as a whole')
})

t.test('nothing is only in one of two equal templates', async () => {
  fc.assert(fc.property(fc.jsonValue(), value => onlyIn({ spec: value }, { spec: value }).length === 0))
})

t.test('a release and Git are named, and a long list is counted', async t => {
  const workload = { ...badRollout(), release: { namespace: 'shop', name: 'api' } }
  const owner = { kind: 'Application', name: 'argocd/shop', enforces: 'no', detail: '' } as const
  const back = pod(Array.from({ length: 9 }, (_, index) => ({ name: `c${index}` })))
  t.match(
    afterUndo(workload, back, [owner]),
    /release shop\/api still says .*Application argocd\/shop still says .*revert it in Git; .*spec\.containers\[c5\] and 3 more$/
  )
})

t.test('of an Argo Rollout, too, what the server made of the template is what was written', async t => {
  const ref = { kind: 'Rollout', namespace: 'shop', name: 'api' } as const
  const made = templateOf('app:v1', { 'policy.example/seen': 'yes' })
  const result = rolloutUndo.plan(planInput({ ...badRollout(), ref }))
  if (result.kind !== 'plan') throw new Error(result.refusal.detail)
  const before = badRollout()
  // No ReplicaSet has this template yet, and then its controller makes one, by whose hash the version is known.
  for (const identity of [templateIdentity(made), 'hash-of-its-replica-set']) {
    const workload = { ...before, ref, template: made, identity, templateAt: { ...before.templateAt, mark: 'i' } }
    t.ok(templateWriteStands({ ...intentOf(result.plan), left: templateIdentity(made) }, workload))
    t.notOk(templateWriteStands(intentOf(result.plan), workload), 'what is not known to be made of it is somebody’s change')
  }
})

t.test('a pod that must go is not asked for before the server says so', async t => {
  const clock = { now: () => NOON, sleep: async () => {} }
  const cluster = new StoryCluster(clock)
  const result = rolloutUndo.plan(planInput(badRollout()))
  if (result.kind !== 'plan') throw new Error(result.refusal.detail)
  cluster.kube.onPost = () => ({
    kind: 'error',
    status: 429,
    detail: 'still being processed',
    says: { causes: ['DisruptionBudget'] },
    retryAfterMs: 10_000
  })
  const workload = {
    ...badRollout(),
    ref: { kind: 'StatefulSet', namespace: 'shop', name: 'db' } as const,
    inOrder: true,
    rollout: { state: 'moving', seen: true, detail: '1 of 3', available: false, brokenPods: [] } as const,
    pods: [podOf('db-0', { ready: false, current: false })]
  }

  const watched = await watchUndo(
    storyTools(cluster, clock, { kube: cluster.kube }),
    result.plan,
    { workload, since: NOON, mayWrite: true },
    new AbortController().signal
  )

  t.match(watched, { state: 'moving', lookAgainMs: 10_000, detail: /a disruption budget keeps it: still being processed/ })
})
