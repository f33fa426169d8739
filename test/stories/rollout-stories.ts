import type { Test } from 'tap'
import { objectAt, textAt } from '../../src/base/json.ts'
import { collectionPath, objectPath } from '../../src/domain/objects.ts'
import type { Workload } from '../../src/domain/workload.ts'
import { deploymentOf, imageOf, ok, setImage, untilWorkload } from '../support/conformance/clients.ts'
import { storyPolicy } from '../support/world/story-policy.ts'
import { ended, openWorld, type Site, type World } from '../support/world/world.ts'

const TARGET = { kind: 'Rollout', namespace: '{{ labels.namespace }}', name: '{{ labels.deployment }}' }
const CONFIRM = { within: '80s', passes: 2, every: '1s' }
/** Half of the pods, and then whatever people decide. */
const CANARY = { strategy: { canary: { steps: [{ setWeight: 50 }, { pause: {} }] } } }
const AT_ONCE = { strategy: { canary: {} } }

const healthy = (workload: Workload): boolean => workload.rollout.state === 'complete' && workload.rollout.available

/** A canary that fails while it is under way: aborted; the spec stays, and the stable version serves. */
export async function abortedCanary(t: Test, site: Site, namespace: string): Promise<void> {
  const world = await openWorld(t, site, namespace, {
    workload: { kind: 'Rollout', replicas: 4, spec: CANARY },
    policies: [storyPolicy(namespace, { target: TARGET, steps: [{ action: 'rollout-abort', confirm: CONFIRM }] })]
  })
  await world.astern()
  await world.deploy('app:v1')
  await world.image('app:v2-err40')
  const run = await world.untilRun(ended, 'the run ends')

  t.equal(run['outcome'], 'recovered', { run })
  const after = await untilWorkload(world.clients.cluster, world.target, workload => workload.canary?.aborted === true, 'it is aborted')
  t.match(after.canary?.message, /RolloutAborted/)
  t.equal(imageOf(after), 'app:v2-err40', 'the spec is not touched: Git and it still agree')
  const writes = world.proxy.deploymentWrites()
  t.same(
    writes.map(write => write.uri.replace(/\?.*$/, '').replace(/^.*\/rollouts\//, '')),
    ['api/status']
  )
}

/** A finished update that turns out bad: undone, as a new rollout. */
export async function undoneRollout(t: Test, site: Site, namespace: string): Promise<void> {
  const world = await openWorld(t, site, namespace, {
    workload: { kind: 'Rollout', replicas: 2, spec: AT_ONCE },
    policies: [storyPolicy(namespace, { target: TARGET })]
  })
  await world.astern()
  await world.deploy('app:v1')
  await world.image('app:v2-err40')
  await undone(t, world, 'app:v1')
}

async function undone(t: Test, world: World, image: string): Promise<void> {
  const run = await world.untilRun(ended, 'the run ends')
  t.equal(run['outcome'], 'recovered', { run })
  const after = await untilWorkload(
    world.clients.cluster,
    world.target,
    workload => healthy(workload) && imageOf(workload) === image,
    'it is back'
  )
  t.equal(after.revisions[0]?.number, 3)
  t.equal(world.proxy.deploymentWrites().length, 1)
}

/** A Rollout that takes its template from a Deployment: that one is written, with its own uid as precondition. */
export async function undoneReference(t: Test, site: Site, namespace: string): Promise<void> {
  const world = await openWorld(t, site, namespace, {
    workload: { kind: 'Rollout', replicas: 2, spec: AT_ONCE },
    policies: [storyPolicy(namespace, { target: TARGET })]
  })
  const { kube } = world.clients
  const holder = { kind: 'Deployment', namespace, name: 'api' } as const
  // As documented: the Deployment is scaled to nothing, and the Rollout runs its template.
  ok(await kube.post(collectionPath('Deployment', namespace), deploymentOf('api', 'app:v1', { replicas: 0 })))
  const { template: _, ...spec } = objectAt(deploymentOf('api', 'x', { kind: 'Rollout', replicas: 2, spec: AT_ONCE }), 'spec')
  ok(
    await kube.post(collectionPath('Rollout', namespace), {
      apiVersion: 'argoproj.io/v1alpha1',
      kind: 'Rollout',
      metadata: { name: 'api' },
      spec: { ...spec, workloadRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'api' } }
    })
  )
  await untilWorkload(world.clients.cluster, world.target, healthy, 'it runs')
  await world.astern()
  await setImage(kube, holder, 'app:v2-err40')
  await undone(t, world, 'app:v1')
  t.match(world.proxy.deploymentWrites()[0]?.uri, /\/deployments\/api\?/)
  const read = ok(await kube.get(objectPath(world.target)))
  t.equal(textAt(read, 'spec', 'template', 'spec', 'containers', 0, 'image'), undefined, 'the Rollout has no template of its own')
}

/** Restarted by its own controller, without a new revision. */
export async function restartedRollout(t: Test, site: Site, namespace: string): Promise<void> {
  const world = await openWorld(t, site, namespace, {
    workload: { kind: 'Rollout', replicas: 2, spec: AT_ONCE },
    policies: [
      storyPolicy(namespace, { target: TARGET, changedWithin: undefined, steps: [{ action: 'rollout-restart', confirm: CONFIRM }] })
    ]
  })
  await world.deploy('app:v1')
  const before = await untilWorkload(world.clients.cluster, world.target, healthy, 'it runs')
  await world.astern()
  world.errors.set('app:v1', 0.4)
  const after = await untilWorkload(
    world.clients.cluster,
    world.target,
    workload =>
      healthy(workload) && workload.pods.length === 2 && workload.pods.every(pod => !before.pods.some(old => old.uid === pod.uid)),
    'new pods'
  )
  world.errors.delete('app:v1')
  const run = await world.untilRun(ended, 'the run ends')

  t.equal(run['outcome'], 'recovered', { run })
  t.equal(after.identity, before.identity)
  t.equal(after.revisions.length, 1, 'no new revision')
}
