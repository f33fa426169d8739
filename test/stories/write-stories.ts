import type { Test } from 'tap'
import { type JsonObject, listAt, numberAt, objectAt, textAt } from '../../src/base/json.ts'
import { objectPath } from '../../src/domain/objects.ts'
import type { ControlPlane } from '../support/cluster/control-plane.ts'
import type { Kubectl } from '../support/cluster/kubectl.ts'
import { denyByPolicy, register, startWebhook } from '../support/cluster/webhook.ts'
import { deploymentOf, imageOf, ok, untilWorkload } from '../support/conformance/clients.ts'
import { storyPolicy } from '../support/world/story-policy.ts'
import { ended, openWorld, type Site, type World, waitUntil } from '../support/world/world.ts'

/** A site, the plane behind it, and what people deploy with. */
export interface WriteSite extends Site {
  readonly plane: ControlPlane
  readonly kubectl: Kubectl
}

const undone = (world: World) =>
  untilWorkload(world.clients.cluster, world.target, found => imageOf(found) === 'app:v1' && found.rollout.available, 'app:v1 is back')

const timelineOf = async (world: World, run: JsonObject): Promise<readonly unknown[]> =>
  listAt((await world.api('GET', `/api/v1/runs/${String(run['id'])}`)).body, 'timeline')

/** A policy of the cluster came after v1, and v1 violates it: nothing can be written, and people hear at once by which policy. */
export async function deniedByPolicy(t: Test, site: WriteSite, namespace: string): Promise<void> {
  const world = await openWorld(t, site, namespace, { policies: [storyPolicy(namespace)] })
  await world.astern()
  await world.deploy('app:v1')
  await world.image('app:v2-err40')
  const expression = `object.spec.template.spec.containers.all(c, c.image != "app:v1")`
  await denyByPolicy(t, world.clients, { namespace, expression, message: 'v1 has a hole' })

  const run = await world.untilRun(ended, 'the run ends')

  t.same([run['outcome'], run['reason']], ['denied', 'forbidden'], { run })
  t.match(run['detail'], /ValidatingAdmissionPolicy .* denied request: v1 has a hole/)
  await waitUntil(() => world.people.some(message => message.event === 'needs-people' && /v1 has a hole/.test(message.text)), 'people')
  t.equal(world.proxy.deploymentWrites().length, 0, 'nothing was written')
}

/** A mutating webhook adds an annotation to every template that is written; v1's ReplicaSet was made before it came. */
export async function mutatedOnTheWay(
  t: Test,
  site: WriteSite,
  namespace: string,
  { killedAt }: { readonly killedAt?: 'after-write' } = {}
): Promise<void> {
  const world = await openWorld(t, site, namespace, { policies: [storyPolicy(namespace)] })
  const first = killedAt === undefined ? undefined : await world.asternProcess(killedAt)
  if (first === undefined) await world.astern()
  await world.deploy('app:v1')
  const webhook = await startWebhook(t, site.plane, request => {
    const at = objectAt(request, 'object', 'spec', 'template', 'metadata')['annotations'] === undefined ? 'whole' : 'one'
    const path = '/spec/template/metadata/annotations'
    const patch =
      at === 'whole'
        ? [{ op: 'add', path, value: { 'policy.example/seen': 'yes' } }]
        : [{ op: 'add', path: `${path}/policy.example~1seen`, value: 'yes' }]
    return { allowed: true, patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(patch)).toString('base64') }
  })
  await register(t, world.clients, webhook, { namespace, kind: 'Mutating', resources: ['deployments'] })
  await world.image('app:v2-err40')
  if (first !== undefined) {
    await waitUntil(
      () => first.exited(),
      () => `Astern dies at ${killedAt}; it said ${first.output().slice(-2_000)}`
    )
    await world.asternProcess()
  }

  const run = await world.untilRun(ended, 'the run ends')

  t.equal(run['outcome'], 'recovered', { run })
  const back = await undone(world)
  t.match(textAt(back.template, 'metadata', 'annotations', 'policy.example/seen'), 'yes', 'the server made something else of it')
  t.equal(world.proxy.deploymentWrites().length, 1, 'one write')
}

/** A webhook caps the number of pods: a trial shows it, so that no other number than the planned one is ever written. */
export async function cappedOnTheWay(t: Test, site: WriteSite, namespace: string): Promise<void> {
  const world = await openWorld(t, site, namespace, {
    policies: [storyPolicy(namespace, { changedWithin: undefined, steps: [{ action: 'scale', with: { to: 4, max: 4 } }] })]
  })
  await world.astern()
  await world.deploy('app:v1')
  const webhook = await startWebhook(t, site.plane, () => {
    const patch = [{ op: 'replace', path: '/spec/replicas', value: 3 }]
    return { allowed: true, patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(patch)).toString('base64') }
  })
  await register(t, world.clients, webhook, { namespace, kind: 'Mutating', resources: ['deployments/scale'] })
  world.errors.set('app:v1', 0.4)

  const run = await world.untilRun(ended, 'the run ends')

  t.same([run['outcome'], run['reason']], ['denied', 'forbidden'], { run })
  t.match(run['detail'], /webhook or policy makes 3 of \/spec\/replicas, and 4 was asked for/)
  t.equal(world.proxy.deploymentWrites().length, 0, 'nothing was written')
}

/** A number that JavaScript cannot hold: it is compared and written as the API server has it. */
export async function exactNumbers(t: Test, site: WriteSite, namespace: string): Promise<void> {
  const forEver = '9223372036854775807'
  const world = await openWorld(t, site, namespace, { policies: [storyPolicy(namespace)] })
  await world.astern()
  const manifest = (image: string): string =>
    JSON.stringify({
      ...deploymentOf('api', image),
      spec: {
        ...objectAt(deploymentOf('api', image), 'spec'),
        template: {
          metadata: { labels: { app: 'api' } },
          spec: {
            containers: [{ name: 'main', image }],
            tolerations: [{ key: 'lost', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 0 }]
          }
        }
      }
    }).replace('"tolerationSeconds":0', `"tolerationSeconds":${forEver}`)
  await site.kubectl(['-n', namespace, 'apply', '--server-side', '--field-manager=ci', '-f', '-'], manifest('app:v1'))
  await undone(world)
  await site.kubectl(['-n', namespace, 'apply', '--server-side', '--field-manager=ci', '-f', '-'], manifest('app:v2-err40'))

  const run = await world.untilRun(ended, 'the run ends')

  t.equal(run['outcome'], 'recovered', { run })
  const back = await undone(world)
  t.equal(back.revisions[0]?.number, 3, 'the first ReplicaSet was taken up again, so not a digit differs')
  const path = ['-n', namespace, 'get', 'deployment', 'api', '-o', 'json']
  t.match(await site.kubectl(path), new RegExp(`"tolerationSeconds": ${forEver}`))
}

/** CI deploys by server-side apply. Its next version goes through without force, as always. */
export async function nextServerSideApply(t: Test, site: WriteSite, namespace: string): Promise<void> {
  const world = await openWorld(t, site, namespace, { policies: [storyPolicy(namespace)] })
  await world.astern()
  const apply = (image: string): Promise<string> =>
    site.kubectl(['-n', namespace, 'apply', '--server-side', '--field-manager=ci', '-f', '-'], deploymentOf('api', image))
  await apply('app:v1')
  await undone(world)
  await apply('app:v2-err40')
  const run = await world.untilRun(ended, 'the run ends')
  t.equal(run['outcome'], 'recovered', { run })
  const back = await undone(world)

  t.match(
    (await timelineOf(world, run)).find(row => textAt(row, 'kind') === 'fields-given-up'),
    { result: 'given-up', action: 'rollout-undo' }
  )
  t.notMatch(ok(await world.clients.kube.get(objectPath(world.target)))['metadata'], { managedFields: [{ manager: 'astern' }] })
  t.equal(numberAt(ok(await world.clients.kube.get(objectPath(world.target))), 'metadata', 'generation'), back.generation)
  t.match(await apply('app:v3'), /serverside-applied/)
}

/** CI deploys by plain `kubectl apply`, and v2 renamed a sidecar. What the next version leaves behind is told before. */
export async function nextClientSideApply(t: Test, site: WriteSite, namespace: string): Promise<void> {
  const world = await openWorld(t, site, namespace, {
    // The message about the good end, too.
    policies: [
      storyPolicy(namespace, {
        steps: [{ action: 'rollout-undo', with: { provenFor: '0s' }, confirm: { within: '14s', passes: 99, every: '1s' } }]
      })
    ]
  })
  await world.astern()
  const apply = (image: string, sidecar: string): Promise<string> => {
    const manifest = deploymentOf('api', image)
    const containers = [
      { name: 'main', image },
      { name: sidecar, image: 'side:1' }
    ]
    const spec = { ...objectAt(manifest, 'spec'), template: { metadata: { labels: { app: 'api' } }, spec: { containers } } }
    return site.kubectl(['-n', namespace, 'apply', '-f', '-'], { ...manifest, spec })
  }
  await apply('app:v1', 'b')
  await undone(world)
  await apply('app:v2-err40', 'c')
  await world.untilRun(ended, 'the run ends')
  await undone(world)
  await waitUntil(
    () => world.people.some(message => /spec\.containers\[b\]/.test(message.text)),
    () => JSON.stringify(world.people)
  )
  const told = world.people.find(message => message.event === 'needs-people')?.text ?? ''

  await apply('app:v3', 'c')

  const after = await untilWorkload(world.clients.cluster, world.target, found => imageOf(found) === 'app:v3', 'app:v3')
  t.same(
    listAt(after.template, 'spec', 'containers')
      .map(container => textAt(container, 'name'))
      .sort(),
    ['b', 'c', 'main'],
    'b is left behind'
  )
  t.match(told, /The next deploy: whoever deploys the same manifest again brings the undone version back; .*spec\.containers\[b\]/)
}
