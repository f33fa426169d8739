import t from 'tap'
import { MINUTE, SECOND } from '../../../src/base/clock.ts'
import { isObject, type JsonObject, objectAt } from '../../../src/base/json.ts'
import { createGuardedCluster } from '../../../src/cluster/guarded-cluster.ts'
import { toGuardedPod } from '../../../src/cluster/guarded-pod.ts'
import type { GuardedPod } from '../../../src/domain/guarded-pod.ts'
import type { ObjectRef } from '../../../src/domain/objects.ts'
import type { GuardedLook } from '../../../src/domain/ports/guarded-cluster.ts'
import type { KubeAnswer } from '../../../src/domain/ports/kube.ts'
import { templateIdentity } from '../../../src/domain/workload.ts'
import { createClockOffset } from '../../../src/outgoing/clock-offset.ts'
import { NOON, templateOf } from '../../support/workloads.ts'

const never = AbortSignal.timeout(60_000)
const at = (ms: number): string => new Date(ms).toISOString()
const owned = (uid: string, name = uid): readonly JsonObject[] => [{ uid, name, controller: true }]

interface PodParts {
  readonly owner?: string
  readonly metadata?: JsonObject
  readonly spec?: JsonObject
  readonly status?: JsonObject
}

function podOf(name: string, { owner = 'set-2', metadata = {}, spec = {}, status = {} }: PodParts = {}): JsonObject {
  return {
    metadata: { name, namespace: 'shop', uid: `uid-${name}`, creationTimestamp: at(NOON), ownerReferences: owned(owner), ...metadata },
    spec: { containers: [{ name: 'main', image: 'app:2' }], ...spec },
    status: { podIP: '10.0.0.1', conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: at(NOON + 5 * SECOND) }], ...status }
  }
}

/** An API server that has these objects; a path that is not named is not there. */
function serving(objects: Readonly<Record<string, JsonObject | readonly JsonObject[]>>) {
  return {
    async get(path: string): Promise<KubeAnswer> {
      const found = objects[new URL(path, 'http://x').pathname.split('/').at(-1) ?? '']
      if (found === undefined)
        return { kind: 'error', status: 404, detail: 'not found', says: { reason: 'NotFound', name: 'x', causes: [] } }
      return { kind: 'ok', status: 200, object: isObject(found) ? found : { items: found, metadata: {} } }
    }
  }
}

async function look(
  client: Parameters<typeof createGuardedCluster>[0],
  { kind = 'Deployment', identity }: { readonly kind?: ObjectRef['kind']; readonly identity?: string } = {}
): Promise<GuardedLook> {
  const cluster = createGuardedCluster(
    client,
    createClockOffset(() => NOON),
    () => NOON
  )
  return cluster.look({ kind, namespace: 'shop', name: 'api' }, identity, never)
}

const versions = (seen: GuardedLook): unknown =>
  seen.kind === 'found' ? Object.fromEntries(seen.pods.map(({ name, version }) => [name, version])) : seen

function replicaSet(number: number, image: string): JsonObject {
  return {
    metadata: {
      name: `set-${number}`,
      uid: `set-${number}`,
      creationTimestamp: at(NOON),
      annotations: { 'deployment.kubernetes.io/revision': String(number) },
      ownerReferences: owned('uid-api')
    },
    spec: { template: templateOf(image) }
  }
}

function workload(image: string, spec: JsonObject = {}): JsonObject {
  return {
    metadata: { name: 'api', namespace: 'shop', uid: 'uid-api', generation: 2 },
    spec: { replicas: 2, selector: { matchLabels: { app: 'api' } }, template: templateOf(image), ...spec },
    status: { observedGeneration: 2 }
  }
}

t.test('old and new pods are told apart by the template of the revision that they are of', async t => {
  const pods = [podOf('a', { owner: 'set-1' }), podOf('b'), podOf('c', { owner: 'set-3' }), podOf('stranger', { owner: 'another' })]
  const client = serving({
    api: workload('app:2', { strategy: { type: 'Recreate' } }),
    replicasets: [replicaSet(1, 'app:1'), replicaSet(2, 'app:2'), replicaSet(3, 'app:2')],
    pods
  })
  t.same(versions(await look(client)), { a: 'old', b: 'new', c: 'new' }, 'a restart makes another ReplicaSet of the same version')
  t.same(
    versions(await look(client, { identity: templateIdentity(templateOf('app:1')) })),
    { a: 'new', b: 'old', c: 'old' },
    'the judged version is no longer the one that the workload has'
  )
  t.same(versions(await look(client, { identity: 'gone' })), { a: 'old', b: 'old', c: 'old' })
})

t.test('StatefulSet: pods that a partition keeps are the baseline; DaemonSet with OnDelete: only replaced pods are new', async t => {
  const revision = (number: number, image: string): JsonObject => ({
    metadata: {
      name: `api-${number}`,
      creationTimestamp: at(NOON + number * SECOND),
      labels: { 'controller.kubernetes.io/hash': `hash-${number}`, 'controller-revision-hash': `hash-${number}` },
      ownerReferences: owned('uid-api')
    },
    revision: number,
    data: { spec: { template: { ...templateOf(image), $patch: 'replace' } } }
  })
  const controllerrevisions = [revision(1, 'app:1'), revision(2, 'app:2')]
  const pod = (name: string, hash: string): JsonObject =>
    podOf(name, { owner: 'uid-api', metadata: { labels: { 'controller-revision-hash': hash } } })
  const stateful = serving({
    api: workload('app:2', { replicas: 3, updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 2 } } }),
    controllerrevisions,
    events: [],
    pods: [pod('api-0', 'api-1'), pod('api-1', 'api-1'), pod('api-2', 'api-2')]
  })
  t.same(versions(await look(stateful, { kind: 'StatefulSet' })), { 'api-0': 'old', 'api-1': 'old', 'api-2': 'new' })
  const daemons = serving({
    api: workload('app:2', { updateStrategy: { type: 'OnDelete' } }),
    controllerrevisions,
    events: [],
    pods: [pod('x', 'hash-1'), pod('y', 'hash-2')]
  })
  t.same(versions(await look(daemons, { kind: 'DaemonSet' })), { x: 'old', y: 'new' })
})

t.test('not there, not allowed and not reachable are answers of their own', async t => {
  t.match(await look(serving({})), { kind: 'not-found', detail: /no Deployment shop\/api/ })
  const forbidden: KubeAnswer = { kind: 'error', status: 403, detail: 'pods is forbidden' }
  const found = serving({ api: workload('app:2'), replicasets: [] })
  t.match(await look({ get: async path => (path.includes('/pods') ? forbidden : found.get(path)) }), { kind: 'forbidden', detail: /pods/ })
  t.match(await look({ get: async () => ({ kind: 'unreachable', detail: 'no route' }) }), { kind: 'unreachable', detail: 'no route' })
  t.match(await look({ get: async () => ({ kind: 'error', status: 500, detail: 'etcd' }) }), { kind: 'unreachable', detail: /500/ })
})

const guarded = (pod: JsonObject, offset = 0): GuardedPod => toGuardedPod(pod, { version: 'new', offset })

t.test('instants are told in Astern’s clock', async t => {
  // The API server is an hour ahead.
  const ahead = 60 * MINUTE
  const seen = guarded(
    podOf('a', {
      metadata: { creationTimestamp: at(NOON + ahead), deletionTimestamp: at(NOON + ahead + MINUTE), deletionGracePeriodSeconds: 30 }
    }),
    ahead
  )
  t.match(seen, { bornAt: NOON, readyFrom: NOON + 5 * SECOND - ahead, deletedAt: NOON + 30 * SECOND })
})

t.test('of a pod that is not Ready, one look shows only that it was so until then', async t => {
  const unready = (startedAt: number, changedAt: number): GuardedPod =>
    guarded(
      podOf('a', {
        status: { startTime: at(startedAt), conditions: [{ type: 'Ready', status: 'False', lastTransitionTime: at(changedAt) }] }
      })
    )
  t.equal(unready(NOON, NOON + SECOND).readyFrom, undefined, 'it never was')
  t.equal(unready(NOON, NOON + MINUTE).readyFrom, NOON + MINUTE, 'it was, until it broke')
})

t.test('a pod that ended by itself serves nothing from then on', async t => {
  const terminated = { name: 'main', state: { terminated: { finishedAt: at(NOON + MINUTE), exitCode: 137 } } }
  t.equal(guarded(podOf('a', { status: { phase: 'Failed', containerStatuses: [terminated] } })).deletedAt, NOON + MINUTE)
  const conditions = [{ type: 'Ready', status: 'False', lastTransitionTime: at(NOON + 2 * MINUTE) }]
  t.equal(guarded(podOf('a', { status: { phase: 'Failed', reason: 'Evicted', conditions } })).deletedAt, NOON + 2 * MINUTE)
  t.equal(guarded(podOf('a')).deletedAt, undefined)
})

t.test('restarts are those of all containers, and each tells how it gets on', async t => {
  const status = (name: string, restartCount: number, more: JsonObject = {}): JsonObject => ({ name, restartCount, ...more })
  const seen = guarded(
    podOf('a', {
      spec: { initContainers: [{ name: 'migrate' }, { name: 'proxy', restartPolicy: 'Always' }] },
      status: {
        initContainerStatuses: [status('migrate', 1), status('proxy', 2)],
        containerStatuses: [
          status('main', 3, {
            state: { waiting: { reason: 'CrashLoopBackOff', message: 'x'.repeat(5_000) } },
            lastState: { terminated: { finishedAt: at(NOON), exitCode: 1, reason: 'Error' } }
          })
        ]
      }
    })
  )
  t.equal(seen.restarts, 6)
  t.match(seen.containers, [
    { name: 'migrate', init: true, restarts: 1 },
    { name: 'proxy', init: undefined, restarts: 2 },
    { name: 'main', waiting: { reason: 'CrashLoopBackOff' }, ended: { at: NOON, exitCode: 1, reason: 'Error' } }
  ])
  t.equal(seen.containers?.[2]?.waiting?.message.length, 1_000, 'what a node says is cut')
})

t.test('what a source of numbers needs: its own address, where it is read, and the kubelet’s own requests', async t => {
  const containers = [
    {
      name: 'main',
      ports: [
        { containerPort: 8080, name: 'http' },
        { containerPort: 53, protocol: 'UDP' }
      ],
      readinessProbe: { httpGet: { path: '/ready?full=1', port: 8080 }, periodSeconds: 5 },
      livenessProbe: { tcpSocket: { port: 8080 } },
      startupProbe: { httpGet: { path: '/started', port: 8080 } }
    },
    { name: 'rpc', livenessProbe: { grpc: { port: 9000 } }, readinessProbe: { httpGet: { host: 'elsewhere', port: 80 } } }
  ]
  const annotations = { 'prometheus.io/port': '9102', 'sidecar.istio.io/status': '{}', 'prometheus.io/path': `/${'x'.repeat(600)}` }
  const seen = guarded(podOf('a', { spec: { containers }, metadata: { uid: 'uid-a', annotations } }))
  t.same(seen.ports, [{ name: 'http', port: 8080 }])
  t.same(seen.probes, [{ path: '/ready', periodSeconds: 5 }, { periodSeconds: 10 }])
  t.same(seen.annotations, { 'prometheus.io/port': '9102' })
  t.equal(seen.ip, '10.0.0.1')
  t.equal(guarded(podOf('a', { spec: { hostNetwork: true } })).ip, undefined, 'its node’s address is not its own')
  t.same(objectAt(JSON.parse(JSON.stringify(seen))), seen, 'plain JSON')
})
