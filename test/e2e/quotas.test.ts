import t from 'tap'
import { scale } from '../../src/actions/scale/scale.ts'
import { isObject, type JsonObject, listAt, numberAt, objectAt, textAt } from '../../src/base/json.ts'
import { collectionPath, type ObjectRef, objectPath } from '../../src/domain/objects.ts'
import { systemClock } from '../../src/outgoing/system-clock.ts'
import { startControlPlane } from '../support/cluster/control-plane.ts'
import { installScaledObjects } from '../support/cluster/keda.ts'
import { autoscalerOf, deploymentOf, ok, openClients, overwrite, untilWorkload } from '../support/conformance/clients.ts'
import { planInput } from '../support/workloads.ts'
import { waitUntil } from '../support/world/world.ts'

// Whether there is room for more pods: what Astern says, held against what the API server's own admission lets in.
t.jobs = 4
const plane = await startControlPlane()
const clients = await openClients(plane.kubeconfig)
t.teardown(async () => {
  clients.close()
  await plane.stop()
})
const { kube, cluster } = clients
const signal = AbortSignal.timeout(600_000)
const tools = { kube, cluster, clock: systemClock }

interface Case {
  /** What pods ask for. */
  readonly spec?: JsonObject
  readonly container?: JsonObject
  /** The quota, once two pods run. */
  readonly quota: JsonObject
  /** What else there is in the namespace before the pods. */
  readonly before?: (namespace: string) => Promise<void>
  /** Two more pods find room. */
  readonly fits: boolean
}

const asks = (requests: JsonObject, limits: JsonObject = {}): JsonObject => ({ resources: { requests, limits } })
const selected = (operator: string, ...values: readonly string[]): JsonObject => ({
  matchExpressions: [{ scopeName: 'PriorityClass', operator, ...(values.length === 0 ? {} : { values }) }]
})
const URGENT = { priorityClassName: 'urgent' }
const finished = async (namespace: string): Promise<void> => {
  ok(
    await kube.post(`/api/v1/namespaces/${namespace}/pods`, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'done' },
      spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'once' }] }
    })
  )
  const path = `/api/v1/namespaces/${namespace}/pods/done`
  await waitUntil(async () => textAt(ok(await kube.get(path)), 'status', 'phase') === 'Succeeded', 'a pod has ended')
}
const limitRange = async (namespace: string): Promise<void> => {
  ok(
    await kube.post(`/api/v1/namespaces/${namespace}/limitranges`, {
      apiVersion: 'v1',
      kind: 'LimitRange',
      metadata: { name: 'defaults' },
      spec: { limits: [{ type: 'Container', defaultRequest: { cpu: '300m' }, default: { cpu: '300m' } }] }
    })
  )
}
const overhead = async (): Promise<void> => {
  ok(
    await kube.post('/apis/node.k8s.io/v1/runtimeclasses', {
      apiVersion: 'node.k8s.io/v1',
      kind: 'RuntimeClass',
      metadata: { name: 'heavy' },
      handler: 'heavy',
      overhead: { podFixed: { cpu: '500m' } }
    })
  )
}

const CASES: Readonly<Record<string, Case>> = {
  'pods: full': { quota: { hard: { pods: '3' } }, fits: false },
  'pods: exactly enough': { quota: { hard: { pods: '4' } }, fits: true },
  'pods: one that ended does not count': { quota: { hard: { pods: '4' } }, before: finished, fits: true },
  'count/pods: one that ended counts': { quota: { hard: { 'count/pods': '4' } }, before: finished, fits: false },
  'requests.cpu: full': { container: asks({ cpu: '500m' }), quota: { hard: { 'requests.cpu': '1500m' } }, fits: false },
  'cpu, in tenths: exactly enough': { container: asks({ cpu: '0.1' }), quota: { hard: { cpu: '0.4' } }, fits: true },
  'a limit is the request where none is named': {
    container: asks({}, { memory: '64Mi' }),
    quota: { hard: { 'requests.memory': '0.2Gi' } },
    fits: false
  },
  'limits.memory: full': {
    container: asks({ memory: '1Mi' }, { memory: '1Gi' }),
    quota: { hard: { 'limits.memory': '3Gi' } },
    fits: false
  },
  'ephemeral storage: full': {
    container: asks({ 'ephemeral-storage': '1G' }),
    quota: { hard: { 'requests.ephemeral-storage': '3G' } },
    fits: false
  },
  'limits.ephemeral-storage: full': {
    container: asks({}, { 'ephemeral-storage': '1G' }),
    quota: { hard: { 'limits.ephemeral-storage': '3500M' } },
    fits: false
  },
  'an extended resource: full': {
    container: asks({}, { 'example.com/gpu': '1' }),
    quota: { hard: { 'requests.example.com/gpu': '3' } },
    fits: false
  },
  'an extended resource: enough': {
    container: asks({}, { 'example.com/gpu': '1' }),
    quota: { hard: { 'requests.example.com/gpu': '4' } },
    fits: true
  },
  'an init container needs more': {
    spec: { initContainers: [{ name: 'init', image: 'init', resources: { requests: { cpu: '2' } } }] },
    container: asks({ cpu: '100m' }),
    quota: { hard: { 'requests.cpu': '7' } },
    fits: false
  },
  'a sidecar adds': {
    spec: { initContainers: [{ name: 'proxy', image: 'proxy', restartPolicy: 'Always', resources: { requests: { cpu: '400m' } } }] },
    container: asks({ cpu: '100m' }),
    quota: { hard: { 'requests.cpu': '1900m' } },
    fits: false
  },
  'the overhead of a runtime class adds': {
    spec: { runtimeClassName: 'heavy' },
    before: overhead,
    container: asks({ cpu: '100m' }),
    quota: { hard: { 'requests.cpu': '2' } },
    fits: false
  },
  'a LimitRange names what the template does not': { before: limitRange, quota: { hard: { 'requests.cpu': '1' } }, fits: false },
  'a LimitRange, and room': { before: limitRange, quota: { hard: { 'requests.cpu': '1200m' } }, fits: true },
  'nothing is named that must be': { quota: { hard: { 'requests.cpu': '100' } }, fits: false },
  'what must be named concerns its scope only': { quota: { hard: { 'requests.cpu': '1' }, scopes: ['NotBestEffort'] }, fits: true },
  'BestEffort, of pods that ask for something': {
    container: asks({ cpu: '1m' }),
    quota: { hard: { pods: '0' }, scopes: ['BestEffort'] },
    fits: true
  },
  'BestEffort, of pods that ask for nothing': { quota: { hard: { pods: '3' }, scopes: ['BestEffort'] }, fits: false },
  'BestEffort, of pods that ask for storage alone': {
    container: asks({ 'ephemeral-storage': '1' }),
    quota: { hard: { pods: '3' }, scopes: ['BestEffort'] },
    fits: false
  },
  'NotBestEffort, of pods that ask for nothing': { quota: { hard: { pods: '1' }, scopes: ['NotBestEffort'] }, fits: true },
  'Terminating: other pods': { quota: { hard: { pods: '0' }, scopes: ['Terminating'] }, fits: true },
  'NotTerminating: full': { quota: { hard: { pods: '3' }, scopes: ['NotTerminating'] }, fits: false },
  'all scopes must match': {
    container: asks({ cpu: '1m' }),
    quota: { hard: { pods: '0' }, scopes: ['NotTerminating', 'BestEffort'] },
    fits: true
  },
  'PriorityClass In: another': { quota: { hard: { pods: '0' }, scopeSelector: selected('In', 'urgent') }, fits: true },
  'PriorityClass In: full': { spec: URGENT, quota: { hard: { pods: '3' }, scopeSelector: selected('In', 'urgent', 'other') }, fits: false },
  'PriorityClass NotIn: no class': { quota: { hard: { pods: '3' }, scopeSelector: selected('NotIn', 'urgent') }, fits: false },
  'PriorityClass NotIn: that one': { spec: URGENT, quota: { hard: { pods: '0' }, scopeSelector: selected('NotIn', 'urgent') }, fits: true },
  'PriorityClass Exists: none': { quota: { hard: { pods: '0' }, scopeSelector: selected('Exists') }, fits: true },
  'PriorityClass Exists: full': { spec: URGENT, quota: { hard: { pods: '3' }, scopeSelector: selected('Exists') }, fits: false },
  'PriorityClass DoesNotExist: full': { quota: { hard: { pods: '3' }, scopeSelector: selected('DoesNotExist') }, fits: false },
  'PriorityClass DoesNotExist: one': { spec: URGENT, quota: { hard: { pods: '0' }, scopeSelector: selected('DoesNotExist') }, fits: true },
  'over its limit, of what the pods do not need': {
    before: finished,
    quota: { hard: { 'requests.example.com/gpu': '0', services: '0', configmaps: '0' } },
    fits: true
  },
  'other objects only': { quota: { hard: { secrets: '0', 'count/jobs.batch': '0' } }, fits: true }
}

ok(
  await kube.post('/apis/scheduling.k8s.io/v1/priorityclasses', {
    apiVersion: 'scheduling.k8s.io/v1',
    kind: 'PriorityClass',
    metadata: { name: 'urgent' },
    value: 1_000
  })
)

let number = 0
for (const [name, one] of Object.entries(CASES)) {
  number += 1
  const namespace = `quota-${number}`
  void t.test(name, { buffered: true }, async t => {
    const target = await deployed(namespace, one)
    await untilPods(target, 2)
    ok(
      await kube.post(`/api/v1/namespaces/${namespace}/resourcequotas`, {
        apiVersion: 'v1',
        kind: 'ResourceQuota',
        metadata: { name: 'q' },
        spec: one.quota
      })
    )
    const hard = Object.keys(objectAt(one.quota, 'hard'))
    await waitUntil(async () => {
      const used = objectAt(ok(await kube.get(`/api/v1/namespaces/${namespace}/resourcequotas/q`)), 'status', 'used')
      return hard.every(resource => resource in used)
    }, 'the quota counts')

    const planned = await planFor(target)
    await overwrite(kube, `${objectPath(target)}/scale`, scale => ({ ...scale, spec: { replicas: 4 } }))
    const came = await settled(target)

    t.equal(came, one.fits ? 'all' : 'not all', 'what the API server lets in')
    t.equal(planned.kind === 'plan' ? 'plan' : planned.refusal.reason, one.fits ? 'plan' : 'no-room', { planned })
    if (planned.kind === 'refused') t.match(planned.refusal.detail, /quota q/)
  })
}

void t.test('KEDA decides, also while it is paused and there is no autoscaler', { buffered: true }, async t => {
  const target = await deployed('keda', { quota: {}, fits: true })
  await untilPods(target, 2)
  t.equal((await planFor(target)).kind, 'plan', 'without KEDA there is nothing to look for')
  await installScaledObjects(clients)
  const path = '/apis/keda.sh/v1alpha1/namespaces/keda/scaledobjects'
  const scaledObject = (metadata: JsonObject, scaleTargetRef: JsonObject): JsonObject => ({
    apiVersion: 'keda.sh/v1alpha1',
    kind: 'ScaledObject',
    metadata,
    spec: { scaleTargetRef, minReplicaCount: 1, triggers: [] }
  })
  const verdict = async (metadata: JsonObject, scaleTargetRef: JsonObject = { name: 'api' }): Promise<readonly [string, string]> => {
    ok(await kube.post(path, scaledObject({ name: 'so', ...metadata }, scaleTargetRef)))
    const planned = await planFor(target)
    ok(await kube.delete(`${path}/so`))
    return planned.kind === 'plan' ? ['plan', ''] : [planned.refusal.reason, planned.refusal.detail]
  }
  const paused = await verdict({ annotations: { 'autoscaling.keda.sh/paused-replicas': '2' } })
  t.equal(paused[0], 'autoscaler-owned')
  t.match(paused[1], /ScaledObject so decides.*paused at 2/)
  t.match(await verdict({ annotations: { 'autoscaling.keda.sh/paused': 'yes' } }), ['autoscaler-owned', /is paused/])
  t.match(await verdict({}), ['autoscaler-owned', /minReplicaCount/])
  t.match(await verdict({}, { apiVersion: 'apps/v1', kind: 'Deployment', name: 'api' }), ['autoscaler-owned'])
  t.match(await verdict({}, { apiVersion: 'argoproj.io/v1alpha1', kind: 'Rollout', name: 'api' }), ['plan'])
  t.match(await verdict({}, { name: 'other' }), ['plan'])
  ok(await kube.post('/apis/autoscaling/v2/namespaces/keda/horizontalpodautoscalers', autoscalerOf('api', 2, 6)))
  t.match(await verdict({}), ['autoscaler-owned', /ScaledObject so/], 'an autoscaler of another name changes nothing')
})

async function deployed(namespace: string, { spec = {}, container = {}, before }: Case): Promise<ObjectRef> {
  ok(await kube.post('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }))
  // Pods are refused until the namespace has its service account.
  await waitUntil(
    async () => (await kube.get(`/api/v1/namespaces/${namespace}/serviceaccounts/default`)).kind === 'ok',
    'a service account'
  )
  await before?.(namespace)
  const made = deploymentOf('api', 'app:v1')
  const template = objectAt(made, 'spec', 'template')
  const containers = [{ name: 'main', image: 'app:v1', ...container }]
  ok(
    await kube.post(collectionPath('Deployment', namespace), {
      ...made,
      spec: { ...objectAt(made, 'spec'), template: { ...template, spec: { ...spec, containers } } }
    })
  )
  return { kind: 'Deployment', namespace, name: 'api' }
}

/** That many pods were let in, whether or not a node takes them. */
async function untilPods(target: ObjectRef, count: number): Promise<void> {
  await untilWorkload(cluster, target, workload => workload.pods.length === count, `${count} pods`)
}

async function settled({ namespace, name, ...of }: ObjectRef): Promise<'all' | 'not all'> {
  let came: 'all' | 'not all' | undefined
  await waitUntil(async () => {
    const { status } = { status: objectAt(ok(await kube.get(objectPath({ ...of, namespace, name }))), 'status') }
    const failed = listAt(status, 'conditions').some(
      condition => isObject(condition) && condition['type'] === 'ReplicaFailure' && condition['status'] === 'True'
    )
    came = failed ? 'not all' : numberAt(status, 'replicas') === 4 ? 'all' : undefined
    return came !== undefined
  }, 'the pods come, or are refused')
  return came ?? 'not all'
}

async function planFor(target: ObjectRef) {
  const read = await cluster.read(target, signal)
  if (read.kind !== 'found') throw new Error(read.detail)
  const input = planInput(read.workload, { options: { to: 4, max: 6 } })
  const seen = await scale.observe(tools, input, signal)
  return seen.kind === 'refused' ? seen : scale.plan(input, seen.seen)
}
