import t from 'tap'
import { podUsage } from '../../../src/actions/scale/pod-usage.ts'
import { quotaRefusal, quotaRoom, unnamedRefusal } from '../../../src/actions/scale/room.ts'
import { scale } from '../../../src/actions/scale/scale.ts'
import { scaledObjectsOf } from '../../../src/actions/scale/scaled-object.ts'
import type { JsonObject } from '../../../src/base/json.ts'
import { toNumber } from '../../../src/base/quantity.ts'
import { StoryCluster } from '../../support/story-cluster.ts'
import { storyTools } from '../../support/story-tools.ts'
import { badRollout, NOON, planInput, TARGET } from '../../support/workloads.ts'

const never = AbortSignal.timeout(60_000)
const pod = (spec: JsonObject, more: JsonObject = {}): JsonObject => ({ spec, ...more })
const asking = (requests: JsonObject, limits: JsonObject = {}): JsonObject => ({ name: 'main', resources: { requests, limits } })
const usage = (spec: JsonObject): JsonObject =>
  Object.fromEntries([...podUsage(pod(spec))].map(([name, amount]) => [name, toNumber(amount)]))
const quota = (hard: JsonObject, used: JsonObject, spec: JsonObject = {}): JsonObject => ({
  metadata: { name: 'q' },
  spec,
  status: { hard, used }
})

t.test('what one pod counts for, by every name that quotas have for it', async t => {
  t.same(usage({ containers: [{ name: 'main' }] }), { 'count/pods': 1, pods: 1 })
  t.same(usage({ containers: [asking({ cpu: '500m', 'ephemeral-storage': '1G' }, { memory: '1Ki' })] }), {
    'count/pods': 1,
    pods: 1,
    cpu: 0.5,
    'requests.cpu': 0.5,
    memory: 1_024,
    'requests.memory': 1_024,
    'limits.memory': 1_024,
    'ephemeral-storage': 1e9,
    'requests.ephemeral-storage': 1e9
  })
  t.match(usage({ containers: [asking({ 'example.com/gpu': '1', 'hugepages-2Mi': '4Mi', 'a.kubernetes.io/x': '1' })] }), {
    'requests.example.com/gpu': 1,
    'hugepages-2Mi': 4 * 2 ** 20,
    'requests.hugepages-2Mi': 4 * 2 ** 20,
    'requests.a.kubernetes.io/x': undefined,
    'example.com/gpu': undefined
  })
  const cpu = (spec: JsonObject) => usage(spec)['requests.cpu']
  const of = (amount: string, more: JsonObject = {}): JsonObject => ({ resources: { requests: { cpu: amount } }, ...more })
  t.equal(cpu({ containers: [of('1'), of('2')] }), 3)
  t.equal(cpu({ containers: [of('1')], initContainers: [of('2'), of('5')] }), 5, 'the start needs more')
  t.equal(cpu({ containers: [of('1')], initContainers: [of('1', { restartPolicy: 'Always' })] }), 2, 'a sidecar runs beside')
  t.equal(
    cpu({ containers: [of('1')], initContainers: [of('2', { restartPolicy: 'Always' }), of('4')] }),
    6,
    'and while another one starts'
  )
  t.equal(cpu({ containers: [of('1')], overhead: { cpu: '250m' } }), 1.25)
  t.equal(cpu({ containers: [of('1')], resources: { requests: { cpu: '3' } } }), 3, 'what the pod says for all of them')
  t.equal(usage({ containers: [of('1')], overhead: { cpu: '1' } })['limits.cpu'], undefined, 'no overhead of a limit that is none')
})

t.test('more pods than a quota has room for; fewer pods always have', async t => {
  const one = pod({ containers: [asking({ cpu: '100m' })] })
  t.equal(quotaRefusal([quota({ cpu: '0.3' }, { cpu: '0.1' })], one, 2), undefined)
  t.equal(quotaRefusal([quota({ cpu: '0.3' }, { cpu: '0.1' })], one, 3), 'quota q: cpu 0.1 of 0.3 used, 0.3 more needed')
  const over = [quota({ pods: '2', services: '0' }, { pods: '3', services: '4' })]
  t.match(quotaRefusal(over, one, 1), /pods 3 of 2 used, 1 more needed/)
  t.equal(quotaRefusal(over, one, -1), undefined)
  t.equal(quotaRefusal([quota({ services: '0' }, { services: '4' })], one, 1), undefined, 'pods are no services')
  t.same(quotaRoom([quota({ pods: '5' }, { pods: '3' }, { scopes: ['Terminating'] })], { template: one }, 2), [], 'it counts other pods')
})

t.test('a pod that does not name what a quota counts is let in nowhere', async t => {
  const silent = pod({ containers: [{ name: 'main' }, asking({ cpu: '1' })] })
  t.match(
    unnamedRefusal([quota({ 'requests.cpu': '9' }, {})], silent),
    /quota q lets in only pods that name requests\.cpu, and main does not/
  )
  t.equal(unnamedRefusal([quota({ 'requests.cpu': '9' }, {})], pod({ containers: [asking({}, { cpu: '1' })] })), undefined)
  t.equal(unnamedRefusal([quota({ 'requests.example.com/gpu': '9' }, {})], silent), undefined)
  t.equal(unnamedRefusal([quota({ cpu: '9' }, {}, { scopes: ['Terminating'] })], silent), undefined)
  t.equal(
    unnamedRefusal([quota({ cpu: '9' }, {})], pod({ containers: [{ name: 'main' }], resources: { limits: { cpu: '1' } } })),
    undefined
  )
})

t.test('the pod that the API server made is counted, and not the template', async t => {
  const made = pod({ containers: [asking({ cpu: '2' })] })
  const seen = { autoscalers: [], quotas: [quota({ cpu: '3' }, { cpu: '0' })] }
  const planned = (more: object) => scale.plan(planInput(badRollout(), { options: { to: 5, max: 6 } }), { ...seen, ...more })
  t.match(planned({}), { kind: 'plan' }, 'the template names nothing')
  t.match(planned({ pod: made }), { refusal: { reason: 'no-room', detail: /cpu 0 of 3 used, 4 more needed/ } })
})

t.test('KEDA decides: also where there is no autoscaler, and while it is paused', async t => {
  const object = (reference: JsonObject, annotations: JsonObject = {}): JsonObject => ({
    metadata: { name: 'so', annotations },
    spec: { scaleTargetRef: reference }
  })
  const told = (reference: JsonObject, annotations: JsonObject = {}): string | undefined =>
    scaledObjectsOf(TARGET, [object(reference, annotations)])[0]?.detail
  t.match(told({ name: 'api' }), /ScaledObject so decides.*minReplicaCount/)
  t.match(told({ name: 'api' }, { 'autoscaling.keda.sh/paused-replicas': '0' }), /paused at 0/)
  t.match(told({ name: 'api' }, { 'autoscaling.keda.sh/paused': 'yes' }), /it is paused/)
  t.notMatch(told({ name: 'api' }, { 'autoscaling.keda.sh/paused': 'False' }), /it is paused/)
  t.match(told({ apiVersion: 'apps/v1', kind: 'Deployment', name: 'api' }), /decides/)
  for (const other of [
    { name: 'web' },
    { kind: 'StatefulSet', name: 'api' },
    { apiVersion: 'example.com/v1', kind: 'Deployment', name: 'api' }
  ])
    t.equal(told(other), undefined)

  const clock = { now: () => NOON, sleep: async () => {} }
  const cluster = new StoryCluster(clock)
  const base = '/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers'
  cluster.kube.putList(base, [])
  cluster.kube.putList('/api/v1/namespaces/shop/resourcequotas', [])
  cluster.kube.putList('/api/v1/namespaces/shop/pods?fieldSelector=metadata.name%3Dapi-1', [])
  const decide = async () => {
    const input = planInput(badRollout(), { options: { to: 5, max: 6 } })
    const seen = await scale.observe(storyTools(cluster, clock, { kube: cluster.kube }), input, never)
    return seen.kind === 'refused' ? seen : scale.plan(input, seen.seen)
  }
  t.match(await decide(), { kind: 'plan' }, 'KEDA is not installed')
  cluster.kube.putList('/apis/keda.sh/v1alpha1/namespaces/shop/scaledobjects', [object({ name: 'api' })])
  t.match(await decide(), { refusal: { reason: 'autoscaler-owned' } })
  cluster.kube.get = async path =>
    path.startsWith('/apis/keda.sh')
      ? { kind: 'error', status: 403, detail: 'no right' }
      : { kind: 'ok', status: 200, object: { items: [] } }
  t.match(await decide(), { refusal: { reason: 'forbidden', detail: 'no right' } }, 'who may not look cannot say that there is none')
})

t.test('scopes: all of them, and every expression of the selector', async t => {
  const expression = (operator: string, ...values: readonly string[]): JsonObject => ({
    scopeSelector: { matchExpressions: [{ scopeName: 'PriorityClass', operator, values }] }
  })
  const burstable = { containers: [asking({ cpu: '1m' })] }
  const urgent = { ...burstable, priorityClassName: 'urgent' }
  const near = {
    affinity: { podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ podAffinityTerm: { namespaceSelector: {} } }] } }
  }
  const cases: readonly (readonly [string, JsonObject, JsonObject, boolean])[] = [
    ['none', {}, burstable, true],
    ['not all', { scopes: ['NotTerminating', 'BestEffort'] }, burstable, false],
    ['all', { scopes: ['NotTerminating', 'NotBestEffort'] }, burstable, true],
    ['all, and a selector that does not', { scopes: ['NotTerminating'], ...expression('Exists') }, burstable, false],
    ['a deadline', { scopes: ['Terminating'] }, { ...burstable, activeDeadlineSeconds: 60 }, true],
    ['no deadline', { scopes: ['Terminating'] }, burstable, false],
    [
      'asks for nothing',
      { scopes: ['BestEffort'] },
      { containers: [{ name: 'main' }, asking({ cpu: '0', 'ephemeral-storage': '1G' })] },
      true
    ],
    [
      'only the start asks',
      { scopes: ['BestEffort'] },
      { containers: [{ name: 'main' }], initContainers: [asking({}, { memory: '1' })] },
      false
    ],
    ['the pod asks', { scopes: ['BestEffort'] }, { containers: [{ name: 'main' }], resources: { requests: { cpu: '1' } } }, false],
    ['In', expression('In', 'low', 'urgent'), urgent, true],
    ['In: none', expression('In', 'urgent'), burstable, false],
    ['NotIn', expression('NotIn', 'urgent'), urgent, false],
    ['NotIn: none', expression('NotIn', 'urgent'), burstable, true],
    ['Exists', expression('Exists'), urgent, true],
    ['DoesNotExist', expression('DoesNotExist'), urgent, false],
    ['an operator of tomorrow', expression('Like', 'urgent'), urgent, false],
    ['other namespaces', { scopes: ['CrossNamespacePodAffinity'] }, { ...burstable, ...near }, true],
    ['its own namespace', { scopes: ['CrossNamespacePodAffinity'] }, burstable, false],
    ['volumes', { scopeSelector: { matchExpressions: [{ scopeName: 'VolumeAttributesClass', operator: 'Exists' }] } }, burstable, false]
  ]
  for (const [name, spec, of, counts] of cases)
    t.equal(quotaRefusal([quota({ pods: '0' }, {}, spec)], pod(of), 1) !== undefined, counts, name)
  const known = pod({ containers: [{ name: 'main' }] }, { status: { qosClass: 'Burstable' } })
  t.equal(quotaRefusal([quota({ pods: '0' }, {}, { scopes: ['BestEffort'] })], known, 1), undefined, 'the API server’s word counts')
})
