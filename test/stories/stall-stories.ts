import type { Test } from 'tap'
import { type JsonObject, listAt, textAt } from '../../src/base/json.ts'
import { objectPath } from '../../src/domain/objects.ts'
import { BROKEN, NEVER_READY, RECOVERS, SILENT } from '../support/cluster/stages.ts'
import { denyByPolicy } from '../support/cluster/webhook.ts'
import { imageOf, ok, untilWorkload } from '../support/conformance/clients.ts'
import { storyPolicy } from '../support/world/story-policy.ts'
import { ended, openWorld, type Site, type World, waitUntil } from '../support/world/world.ts'

const UNDO = { action: 'rollout-undo', with: { provenFor: '0s' }, confirm: { within: '80s', passes: 2, every: '1s' } }
const RESTART = { action: 'rollout-restart', confirm: { within: '60s', passes: 2, every: '1s' } }
const STATEFUL = { kind: 'StatefulSet', namespace: '{{ labels.namespace }}', name: '{{ labels.deployment }}' }
const DAEMON = { kind: 'DaemonSet', namespace: '{{ labels.namespace }}', name: '{{ labels.deployment }}' }

/** Fewer pods serve than there should be. */
function missingPods(namespace: string, more: JsonObject) {
  return {
    workload: { kind: 'StatefulSet', replicas: 3, spec: { serviceName: 'api' } } as const,
    groups: [
      {
        name: 'stories',
        interval: '1s',
        rules: [
          {
            alert: 'PodsMissing',
            expr: `count by (namespace, deployment) (http_requests_total{namespace="${namespace}", status="200"}) < 3`,
            for: '4s',
            labels: { severity: 'critical' }
          }
        ]
      }
    ],
    policies: [
      storyPolicy(namespace, {
        match: ['alertname="PodsMissing"'],
        target: STATEFUL,
        verify: [
          {
            name: 'serving pods',
            promql: 'count(http_requests_total{namespace="{{ target.namespace }}", deployment="{{ target.name }}", status="200"})',
            failWhen: '< 3',
            window: '1s',
            samples: 2,
            every: '1s',
            maxAge: '10s'
          }
        ],
        escalate: { after: '4m', to: ['people'] },
        ...more
      })
    ]
  }
}

/** Rolls the next version out, which is broken in that way. */
async function breakWith({ clients, target }: World, reason: string): Promise<void> {
  ok(
    await clients.kube.jsonPatch(`${objectPath(target)}?fieldManager=pipeline`, [
      { op: 'replace', path: '/spec/template/spec/containers/0/image', value: 'app:v2' },
      { op: 'add', path: '/spec/template/metadata/annotations', value: { [BROKEN]: reason } }
    ])
  )
}

/** What the timeline of a run tells of what held its rollout up. */
async function heldBy(world: World, run: JsonObject): Promise<readonly string[]> {
  const { body } = await world.api('GET', `/api/v1/runs/${String(run['id'])}`)
  return listAt(body, 'timeline').flatMap(row => (textAt(row, 'kind') === 'rollout' ? [textAt(row, 'detail') ?? ''] : []))
}

const needsPeople = (world: World): string => world.people.find(message => message.event === 'needs-people')?.text ?? ''

/** One pull error in the rollback: it passes, and no other rung is written meanwhile. */
export async function pullHiccup(t: Test, site: Site, namespace: string): Promise<void> {
  const world = await openWorld(t, site, namespace, {
    workload: { annotations: { [BROKEN]: 'ErrImagePull', [RECOVERS]: 'true' } },
    policies: [storyPolicy(namespace, { steps: [UNDO, RESTART] })]
  })
  await world.astern()
  await world.deploy('app:v1')
  ok(
    await world.clients.kube.jsonPatch(`${objectPath(world.target)}?fieldManager=pipeline`, [
      { op: 'replace', path: '/spec/template/spec/containers/0/image', value: 'app:v2-err40' },
      { op: 'remove', path: '/spec/template/metadata/annotations' }
    ])
  )
  const run = await world.untilRun(ended, 'the run ends')

  t.equal(run['outcome'], 'recovered', { run })
  t.equal(world.proxy.deploymentWrites().length, 1, 'no rung into a rollout that moves')
  t.match((await heldBy(world, run)).join('\n'), /ErrImagePull/, 'the timeline tells what it waited for')
}

/** A StatefulSet's pod that runs and never gets ready holds up all others: undone, then unstuck. */
export async function neverReady(t: Test, site: Site, namespace: string): Promise<void> {
  const world = await openWorld(t, site, namespace, missingPods(namespace, {}))
  await world.astern()
  await world.deploy('app:v1')
  await breakWith(world, NEVER_READY)
  const waiting = await world.untilRun(run => run['reason'] === 'rollout-moving', 'its probes are waited for')
  const run = await world.untilRun(ended, 'the run ends')

  t.match(waiting, { reason: 'rollout-moving' })
  t.equal(run['outcome'], 'recovered', { run })
  const back = await untilWorkload(world.clients.cluster, world.target, workload => workload.rollout.available, 'all pods are back')
  t.equal(imageOf(back), 'app:v1')
}

/** A pod that hangs in Terminating on a finalizer: people are told which pod, and which finalizer. */
export async function hungOnFinalizer(t: Test, site: Site, namespace: string): Promise<void> {
  const confirm = { within: '45s', passes: 2, every: '1s' }
  const world = await openWorld(t, site, namespace, missingPods(namespace, { steps: [{ ...UNDO, confirm }] }))
  await world.astern()
  await world.deploy('app:v1')
  await breakWith(world, 'CrashLoopBackOff')
  await untilWorkload(world.clients.cluster, world.target, workload => workload.rollout.brokenPods.length > 0, 'the crash')
  const pod = `/api/v1/namespaces/${namespace}/pods/api-2`
  ok(await world.clients.kube.jsonPatch(pod, [{ op: 'add', path: '/metadata/finalizers', value: ['storage.example/detach'] }]))
  const run = await world.untilRun(ended, 'the run ends', 200_000)

  const hangs = /api-2 .*hangs in Terminating since .*storage\.example\/detach/
  t.equal(run['outcome'], 'unknown', { run })
  t.match(run['detail'], hangs)
  t.match((await heldBy(world, run)).join('\n'), hangs)
  await waitUntil(() => hangs.test(needsPeople(world)), 'people are told')
}

/** From now on the API server lets no pod of that image be made there. */
async function forbidPods(t: Test, { clients }: World, namespace: string, image: string): Promise<void> {
  const { kube } = clients
  await denyByPolicy(t, clients, {
    namespace,
    expression: `!object.spec.containers.exists(c, c.image == '${image}')`,
    message: `${image} may not run here`,
    rule: { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }
  })
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'probe' }, spec: { containers: [{ name: 'c', image }] } }
  await waitUntil(
    async () => (await kube.post(`/api/v1/namespaces/${namespace}/pods?dryRun=All`, pod)).kind === 'error',
    'the policy holds'
  )
}

/** Pods of the old version are refused by now: the cause is told, in the API server's words. */
export async function podsRefused(t: Test, site: Site, namespace: string): Promise<void> {
  const world = await openWorld(t, site, namespace, { policies: [storyPolicy(namespace)] })
  await world.deploy('app:v1')
  await world.image('app:v2-err40')
  await untilWorkload(
    world.clients.cluster,
    world.target,
    workload => imageOf(workload) === 'app:v2-err40' && workload.rollout.available,
    'app:v2'
  )
  await forbidPods(t, world, namespace, 'app:v1')
  await world.astern()
  const run = await world.untilRun(ended, 'the run ends')

  const refused = /no pod can be made: pods .*app:v1 may not run here/
  t.equal(run['outcome'], 'ineffective', { run })
  t.match(run['detail'], /app:v1 may not run here/)
  t.match((await heldBy(world, run)).join('\n'), refused)
  await waitUntil(() => /app:v1 may not run here/.test(needsPeople(world)), 'people are told')
}

/** Pods of a StatefulSet's new version are refused, which only its controller's Events say. */
export async function statefulPodsRefused(t: Test, site: Site, namespace: string): Promise<void> {
  const world = await openWorld(t, site, namespace, missingPods(namespace, {}))
  await world.deploy('app:v1')
  await forbidPods(t, world, namespace, 'app:v2')
  await world.astern()
  await world.image('app:v2')
  const waiting = await world.untilRun(run => /app:v2 may not run here/.test(String(run['detail'])), 'the cause is told')
  const run = await world.untilRun(ended, 'the run ends')

  t.equal(waiting['reason'], 'rollout-moving')
  t.equal(run['outcome'], 'recovered', { run })
}

/** No node takes the new pods: told while it is waited for, and undone once the Deployment is past its deadline. */
export async function pastItsDeadline(t: Test, site: Site, namespace: string): Promise<void> {
  const waitingPods = async (): Promise<number> =>
    listAt(ok(await world.clients.kube.get(`/api/v1/namespaces/${namespace}/pods`)), 'items').filter(
      pod => textAt(pod, 'status', 'phase') === 'Pending'
    ).length
  const world: World = await openWorld(t, site, namespace, {
    workload: { progressDeadlineSeconds: 25 },
    metrics: async () => `pods_pending{namespace="${namespace}",deployment="api"} ${await waitingPods()}\n`,
    groups: [{ name: 'stories', interval: '1s', rules: [{ alert: 'PodsPending', expr: 'pods_pending > 0', for: '4s' }] }],
    policies: [
      storyPolicy(namespace, {
        match: ['alertname="PodsPending"'],
        verify: [
          {
            name: 'pending pods',
            promql: 'sum(pods_pending{namespace="{{ target.namespace }}", deployment="{{ target.name }}"})',
            failWhen: '> 0',
            window: '1s',
            samples: 2,
            every: '1s',
            maxAge: '10s'
          }
        ]
      })
    ]
  })
  await world.astern()
  await world.deploy('app:v1')
  ok(
    await world.clients.kube.jsonPatch(`${objectPath(world.target)}?fieldManager=pipeline`, [
      { op: 'replace', path: '/spec/template/spec/containers/0/image', value: 'app:v2' },
      { op: 'add', path: '/spec/template/spec/nodeSelector', value: { disk: 'none' } }
    ])
  )
  const waiting = await world.untilRun(run => run['reason'] === 'rollout-moving', 'the rollout is waited for')
  const run = await world.untilRun(ended, 'the run ends')

  t.match(waiting['detail'], /cannot be scheduled: .*nodes are available/)
  t.equal(run['outcome'], 'recovered', { run })
}

/** The nodes that DaemonSets run on besides the first. */
export async function addNodes({ clients }: Pick<World, 'clients'>): Promise<void> {
  for (const name of ['node-2', 'node-3'])
    ok(
      await clients.kube.post('/api/v1/nodes', {
        apiVersion: 'v1',
        kind: 'Node',
        metadata: { name, labels: { 'kubernetes.io/hostname': name } },
        status: { capacity: { cpu: '64', memory: '256Gi', pods: '500' }, allocatable: { cpu: '64', memory: '256Gi', pods: '500' } }
      })
    )
}

/** The node's kubelet is gone: its pod is not ready, and nobody confirms when it ends. */
async function silence({ clients, namespace }: World, node: string): Promise<void> {
  const { kube } = clients
  const pod = listAt(ok(await kube.get(`/api/v1/namespaces/${namespace}/pods`)), 'items').find(
    one => textAt(one, 'spec', 'nodeName') === node
  )
  const path = `/api/v1/namespaces/${namespace}/pods/${textAt(pod, 'metadata', 'name') ?? ''}`
  ok(await kube.jsonPatch(path, [{ op: 'add', path: '/metadata/annotations', value: { [SILENT]: 'true' } }]))
  const ready = listAt(pod, 'status', 'conditions').findIndex(condition => textAt(condition, 'type') === 'Ready')
  ok(await kube.jsonPatch(`${path}/status`, [{ op: 'replace', path: `/status/conditions/${ready}/status`, value: 'False' }]))
}

const daemonWorld = (t: Test, site: Site, namespace: string, maxUnavailable: number): Promise<World> =>
  openWorld(t, site, namespace, {
    workload: {
      kind: 'DaemonSet',
      spec: { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable } } },
      podSpec: { terminationGracePeriodSeconds: 1 }
    },
    policies: [
      storyPolicy(namespace, {
        target: DAEMON,
        steps: [{ ...UNDO, confirm: { within: '3m', passes: 2, every: '1s' } }],
        escalate: { after: '6m', to: ['people'] }
      })
    ]
  })

/** A node died before the bad rollout: it never ends there, and is undone on the nodes that answer. */
export async function deadNodeBefore(t: Test, site: Site, namespace: string): Promise<void> {
  const world = await daemonWorld(t, site, namespace, 2)
  await world.astern()
  await world.deploy('app:v1')
  await silence(world, 'node-3')
  await world.image('app:v2-err40')
  const waiting = await world.untilRun(run => /node-3/.test(String(run['detail'])), 'the node is named')
  const run = await world.untilRun(ended, 'the run ends', 300_000)

  t.match(waiting['detail'], /on node node-3 hangs in Terminating/)
  t.equal(run['outcome'], 'recovered', { run })
  t.match((await heldBy(world, run)).join('\n'), /node-3/)
  await onLivingNodes(t, world)
}

/** A node dies once the bad version is everywhere: it uses up `maxUnavailable`, so the controller replaces no pod after the undo. */
export async function deadNodeAfter(t: Test, site: Site, namespace: string): Promise<void> {
  const world = await daemonWorld(t, site, namespace, 1)
  await world.astern()
  await world.deploy('app:v1')
  await world.image('app:v2-err40')
  await untilWorkload(
    world.clients.cluster,
    world.target,
    workload => imageOf(workload) === 'app:v2-err40' && workload.rollout.available,
    'app:v2'
  )
  await silence(world, 'node-3')
  const run = await world.untilRun(ended, 'the run ends', 300_000)

  t.equal(run['outcome'], 'recovered', { run })
  t.match((await heldBy(world, run)).join('\n'), /node-3 hangs in Terminating.*/)
  await onLivingNodes(t, world)
  const evictions = world.proxy.writes.filter(write => write.uri.includes('/eviction'))
  t.equal(evictions.length, 2, 'one at a time, on the nodes that answer')
}

async function onLivingNodes(t: Test, { clients, namespace }: World): Promise<void> {
  const pods = listAt(ok(await clients.kube.get(`/api/v1/namespaces/${namespace}/pods`)), 'items')
  const images = Object.fromEntries(
    pods.map(pod => [textAt(pod, 'spec', 'nodeName') ?? '', textAt(pod, 'spec', 'containers', 0, 'image') ?? ''])
  )
  t.match(images, { 'node-1': 'app:v1', 'node-2': 'app:v1' })
}
