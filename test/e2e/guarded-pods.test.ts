import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { networkInterfaces } from 'node:os'
import t, { type Test } from 'tap'
import { SECOND } from '../../src/base/clock.ts'
import type { JsonObject } from '../../src/base/json.ts'
import type { ClusterConnection } from '../../src/cluster/access.ts'
import { connect } from '../../src/cluster/connection.ts'
import { createGuardedCluster } from '../../src/cluster/guarded-cluster.ts'
import { createProxiedPodPages } from '../../src/cluster/proxied-pod-pages.ts'
import { type FailFastFinding, failFast } from '../../src/deploy-guard/fail-fast.ts'
import { type FailFastState, NOTHING_SEEN } from '../../src/deploy-guard/fail-fast-memory.ts'
import { NO_PODS, type PodMemory, rememberPods } from '../../src/deploy-guard/pod-memory.ts'
import type { GuardedPod } from '../../src/domain/guarded-pod.ts'
import { type ObjectRef, objectPath, type TargetKind } from '../../src/domain/objects.ts'
import type { GuardedLook } from '../../src/domain/ports/guarded-cluster.ts'
import type { PageAnswer } from '../../src/domain/ports/pod-pages.ts'
import { createDirectPodPages } from '../../src/outgoing/direct-pod-pages.ts'
import { systemClock } from '../../src/outgoing/system-clock.ts'
import { createPodsSource } from '../../src/verification/pods/pods-source.ts'
import { install } from '../support/cluster/installed-chart.ts'
import { POD_PORT, startPodFleet } from '../support/cluster/pod-fleet.ts'
import { BROKEN } from '../support/cluster/stages.ts'
import { deploymentOf, ok, setImage } from '../support/conformance/clients.ts'
import { openSite } from '../support/e2e/site.ts'
import { waitUntil } from '../support/world/world.ts'

// Pods as a deploy guard sees them on the real control plane, and reads them.
t.jobs = 4
const { plane, admin } = await openSite(t)
const guarded = createGuardedCluster(admin.kube, admin.offset, Date.now)
const soon = (): AbortSignal => AbortSignal.timeout(10_000)

type Found = Extract<GuardedLook, { readonly kind: 'found' }>

async function look(ref: ObjectRef): Promise<Found> {
  const seen = await guarded.look(ref, undefined, soon())
  if (seen.kind !== 'found') throw new Error(seen.detail)
  return seen
}

async function untilLook(ref: ObjectRef, wished: (seen: Found) => boolean, what: string): Promise<Found> {
  let seen = await look(ref)
  await waitUntil(async () => {
    seen = await look(ref)
    return wished(seen)
  }, what)
  return seen
}

async function deploy(namespace: string, more: Parameters<typeof deploymentOf>[2] = {}): Promise<ObjectRef> {
  ok(await admin.kube.post('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }))
  const kind: TargetKind = more.kind ?? 'Deployment'
  const ref: ObjectRef = { kind, namespace, name: 'api' }
  ok(await admin.kube.post(objectPath(ref).replace(/\/api$/, ''), deploymentOf('api', 'app:1', more)))
  await untilLook(ref, ({ workload }) => workload.rollout.state === 'complete' && workload.rollout.available, `${kind} is rolled out`)
  return ref
}

async function change(ref: ObjectRef, operations: readonly unknown[]): Promise<void> {
  ok(await admin.kube.jsonPatch(`${objectPath(ref)}?fieldManager=pipeline`, operations))
}

const image = (name: string): unknown => ({ op: 'replace', path: '/spec/template/spec/containers/0/image', value: name })
const broken = (reason: string): unknown => ({ op: 'add', path: '/spec/template/metadata/annotations', value: { [BROKEN]: reason } })
const versions = (pods: readonly GuardedPod[]): readonly string[] => pods.map(({ name, version }) => `${name} ${version}`).sort()

/** Looks as a guard does, which remembers what it saw. */
function watch(ref: ObjectRef, changedAt: number): (laterMs?: number) => Promise<FailFastFinding> {
  let [memory, state]: [PodMemory, FailFastState] = [NO_PODS, NOTHING_SEEN]
  return async (laterMs = 0) => {
    const { workload, pods } = await look(ref)
    const at = Date.now() + laterMs
    const seen = rememberPods(memory, { at, pods })
    memory = seen.memory
    const taken = failFast(state, { at, workload, pods: seen.pods, identity: workload.identity, changedAt })
    state = taken.state
    return taken.finding
  }
}

void t.test('a crash loop fails at the second look, and a forbidden image by the node’s own words', { buffered: true }, async t => {
  const ref = await deploy('crashing')
  const changedAt = Date.now()
  await change(ref, [image('app:2'), broken('CrashLoopBackOff')])
  await untilLook(ref, ({ workload }) => workload.rollout.brokenPods.length > 0, 'the crash')
  const crashes = watch(ref, changedAt)
  t.match(await crashes(), { kind: 'awaits', text: /^api-.*: CrashLoopBackOff/ })
  t.match(await crashes(29 * SECOND), { kind: 'awaits' })
  t.match(await crashes(31 * SECOND), { kind: 'failing', text: /^api-[a-z0-9]+-[a-z0-9]+: CrashLoopBackOff/ })

  await change(ref, [image('app:3'), broken('ImagePullBackOff')])
  const isPulling = ({ pods }: Found): boolean => pods.some(pod => pod.containers?.[0]?.waiting?.reason === 'ImagePullBackOff')
  const { pods } = await untilLook(ref, isPulling, 'the pull error')
  const says = async (path: string, value: unknown): Promise<void> => {
    for (const pod of pods.filter(one => one.containers?.[0]?.waiting?.reason === 'ImagePullBackOff'))
      ok(
        await admin.kube.jsonPatch(`/api/v1/namespaces/crashing/pods/${pod.name}/status`, [
          { op: 'add', path: `/status/containerStatuses/0/${path}`, value }
        ])
      )
  }
  // A container that was never pulled restarted never; the fleet's stage for broken pods says three times.
  await says('restartCount', 0)
  const pulls = watch(ref, changedAt)
  t.match(await pulls(), { kind: 'awaits' })
  t.match(await pulls(31 * SECOND), { kind: 'awaits' }, 'nothing says why')
  const notFound = 'failed to resolve reference "docker.io/library/app:3": docker.io/library/app:3: not found'
  await says('state/waiting/message', `Back-off pulling image "app:3": ErrImagePull: ${notFound}`)
  t.match(await pulls(32 * SECOND), { kind: 'awaits' })
  t.match(await pulls(63 * SECOND), { kind: 'failing', text: /ImagePullBackOff: .*docker\.io\/library\/app:3: not found/ })
})

void t.test('no node takes the new pods: awaited until the controller gives the rollout up', { buffered: true }, async t => {
  const ref = await deploy('lonely', { progressDeadlineSeconds: 4 })
  const changedAt = Date.now()
  await change(ref, [image('app:2'), { op: 'add', path: '/spec/template/spec/nodeSelector', value: { disk: 'none' } }])
  await untilLook(ref, ({ workload }) => workload.pods.some(pod => pod.unschedulable !== undefined), 'no node takes it')
  const finds = watch(ref, changedAt)
  t.match(await finds(), { kind: 'awaits', text: /: Unschedulable: .*nodes are available/ })
  await untilLook(ref, ({ workload }) => workload.rollout.stalledBy === 'deadline', 'the progress deadline')
  t.match(await finds(), {
    kind: 'failing',
    text: /^ProgressDeadlineExceeded: ReplicaSet .* has timed out progressing.*; api-.*: Unschedulable/
  })
})

void t.test('StatefulSet with a partition: kept pods are the baseline', { buffered: true }, async t => {
  const updateStrategy = { type: 'RollingUpdate', rollingUpdate: { partition: 2 } }
  const ref = await deploy('stateful', { kind: 'StatefulSet', replicas: 3, spec: { serviceName: 'api', updateStrategy } })
  await setImage(admin.kube, ref, 'app:2')
  const { pods } = await untilLook(ref, seen => seen.pods.some(pod => pod.name === 'api-2' && pod.version === 'new'), 'api-2 is replaced')
  t.same(versions(pods), ['api-0 old', 'api-1 old', 'api-2 new'])
})

void t.test('DaemonSet with OnDelete: only a replaced pod is new', { buffered: true }, async t => {
  const ref = await deploy('daemons', { kind: 'DaemonSet', spec: { updateStrategy: { type: 'OnDelete' } } })
  await setImage(admin.kube, ref, 'app:2')
  const before = await untilLook(ref, ({ workload }) => workload.rollout.seen && workload.revisions.length === 2, 'it is seen')
  t.same([...new Set(before.pods.map(pod => pod.version))], ['old'])
  const [first] = before.pods
  ok(await admin.kube.delete(`/api/v1/namespaces/daemons/pods/${first?.name ?? ''}`))
  await untilLook(ref, ({ pods }) => pods.some(pod => pod.version === 'new' && pod.readyFrom !== undefined), 'it is replaced')
  t.pass('the replaced one is new')
})

void t.test('a restart in place and a pod that is gone: what one look forgets is remembered', { buffered: true }, async t => {
  const ref = await deploy('remembered', { replicas: 1 })
  const { pods } = await look(ref)
  const [pod] = pods
  if (pod === undefined) throw new Error('no pod')
  const first = rememberPods(NO_PODS, { at: Date.now(), pods })
  const path = `/api/v1/namespaces/remembered/pods/${pod.name}`
  const later = new Date(Date.now() + 20 * SECOND).toISOString().replace(/\.\d+/, '')
  const conditions = (ok(await admin.kube.get(path))['status'] as { readonly conditions: readonly JsonObject[] }).conditions
  const ready = conditions.findIndex(condition => condition['type'] === 'Ready')
  ok(
    await admin.kube.jsonPatch(`${path}/status`, [
      { op: 'replace', path: `/status/conditions/${ready}/status`, value: 'False' },
      { op: 'replace', path: `/status/conditions/${ready}/lastTransitionTime`, value: later },
      { op: 'replace', path: '/status/containerStatuses/0/restartCount', value: 1 }
    ])
  )
  const second = rememberPods(first.memory, { at: Date.now() + SECOND, pods: (await look(ref)).pods })
  t.match(second.pods[0], { uid: pod.uid, readyFrom: pod.readyFrom, restarts: 1 })
  ok(await admin.kube.delete(path))
  await untilLook(ref, seen => seen.pods.every(({ uid }) => uid !== pod.uid), 'it is gone')
  const third = rememberPods(second.memory, { at: Date.now() + 2 * SECOND, pods: (await look(ref)).pods })
  const gone = third.pods.find(({ uid }) => uid === pod.uid)
  t.ok(gone?.deletedAt !== undefined && gone.readyFrom === pod.readyFrom)
})

void t.test('served pods are read at their own addresses, old and new at once', { buffered: true }, async t => {
  const annotations = { 'prometheus.io/port': String(POD_PORT) }
  const ref = await deploy('served', { annotations })
  await change(ref, [{ op: 'add', path: '/spec/minReadySeconds', value: 60 }])
  const fleet = await startPodFleet({
    pods: async () => {
      const { pods } = await look(ref)
      return pods.map(({ name, version, readyFrom, ip = '' }) => ({
        namespace: 'served',
        deployment: 'api',
        name,
        image: version === 'new' ? 'app:2' : 'app:1',
        ready: readyFrom !== undefined,
        ip
      }))
    },
    behaviour: name => ({ requestsPerSecond: 50, errorRatio: name === 'app:2' ? 0.5 : 0 })
  })
  t.teardown(() => fleet.close())
  await setImage(admin.kube, ref, 'app:2')
  const isMixed = ({ pods }: Found): boolean =>
    (['old', 'new'] as const).every(version =>
      pods.some(pod => pod.version === version && pod.readyFrom !== undefined && pod.ip !== undefined)
    )
  const { pods } = await untilLook(ref, isMixed, 'both versions serve')
  const facts = { own: [], listening: { host: '127.0.0.1', port: 1 }, podCidrs: ['127.0.0.0/8'] }
  const source = createPodsSource({ pages: createDirectPodPages(async () => facts), clock: systemClock })
  t.teardown(() => source.stop())
  source.see(pods)
  source.start()
  const counters = [{ kind: 'http-errors', metric: 'http_requests_total', statusLabel: 'status' }] as const
  const counts = new Map<string, number[]>()
  await waitUntil(async () => {
    const seen = (await look(ref)).pods
    const said = await source.scrapes({ pods: seen, counters, from: 0, to: Date.now() }, soon())
    if (said.kind !== 'said') return false
    counts.clear()
    for (const { pod, series } of said.value)
      counts.set(pod, [...(counts.get(pod) ?? []), series.reduce((sum, { value }) => sum + value, 0)])
    return [...counts.values()].filter(all => all.length >= 2).length >= 2
  }, 'each pod is read twice')
  t.ok(
    [...counts.values()].every(all => all.every((count, index) => index === 0 || count > (all[index - 1] ?? 0))),
    'they count up'
  )
  const labels = await source.labels(
    pods.filter(pod => pod.version === 'new'),
    ['http_requests_total'],
    soon()
  )
  t.ok(labels.kind === 'said' && labels.value.some(one => one['status'] === '500'), 'the new version fails')
})

void t.test('through the API server: only with the chart’s value', { buffered: true }, async t => {
  const address = Object.values(networkInterfaces())
    .flat()
    .find(one => one !== undefined && !one.internal && one.family === 'IPv4')?.address
  if (address === undefined) return t.comment('this machine has no address but loopback, which the API server calls for nobody')
  const ref = await deploy('proxied', { replicas: 1 })
  const server = http.createServer((request, response) =>
    response.setHeader('content-type', 'text/plain').end(request.url === '/metrics' ? 'http_requests_total{code="200"} 7\n' : 'wrong')
  )
  server.listen(0, address)
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const [pod] = (await look(ref)).pods
  if (pod === undefined) throw new Error('no pod')
  ok(
    await admin.kube.jsonPatch(`/api/v1/namespaces/proxied/pods/${pod.name}/status`, [
      { op: 'replace', path: '/status/podIP', value: address },
      { op: 'replace', path: '/status/podIPs', value: [{ ip: address }] }
    ])
  )
  const read = async (t: Test, name: string, ...values: readonly string[]): Promise<PageAnswer & { readonly body: string }> => {
    const { token, granted } = await install(t, { plane, admin }, name, ['--set', 'rbac.namespaces={proxied}', ...values])
    t.equal(granted.has('get pods/proxy'), values.length > 0)
    const plain = await connect({ kubeconfig: plane.kubeconfig }, Date.now)
    const connection: ClusterConnection = {
      server: plain.server,
      async options() {
        const { cert: _, key: __, ...rest } = await plain.options()
        return { ...rest, headers: { authorization: `Bearer ${token}` } }
      }
    }
    let body = ''
    const take = (chunk: Uint8Array): boolean => {
      body += Buffer.from(chunk).toString()
      return true
    }
    const page = { scheme: 'http', port, path: '/metrics' } as const
    return { ...(await createProxiedPodPages(connection).read({ pod, page, accept: 'text/plain', take }, soon())), body }
  }
  t.match(await read(t, 'guard-without'), { kind: 'failed', because: 'forbidden', detail: /cannot get resource "pods\/proxy"/ })
  t.match(await read(t, 'guard-with', '--set', 'guards.podsProxy=true'), { kind: 'answered', body: 'http_requests_total{code="200"} 7\n' })
})
