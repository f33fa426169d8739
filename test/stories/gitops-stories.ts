import type { Test } from 'tap'
import { at, type JsonObject, listAt, objectAt } from '../../src/base/json.ts'
import { objectPath } from '../../src/domain/objects.ts'
import { startReconciler } from '../support/cluster/gitops.ts'
import { imageOf, ok, untilWorkload } from '../support/conformance/clients.ts'
import { storyPolicy } from '../support/world/story-policy.ts'
import { ended, openWorld, type Site, type World, waitUntil } from '../support/world/world.ts'

interface Tool {
  readonly name: 'Argo CD' | 'Flux'
  readonly manager: string
  /** What marks the workload as the tool's. */
  readonly metadata: (namespace: string) => JsonObject
  readonly path: (namespace: string) => string
  readonly object: (namespace: string) => JsonObject
  /** Says, as the real tool does, that the owner has these Deployments: where it is written, and what. */
  readonly listing: (namespace: string, names: readonly string[]) => { readonly path: string; readonly status: JsonObject }
  readonly enforces: (owner: JsonObject) => boolean
  readonly owner: RegExp
  readonly suspended: (owner: JsonObject) => boolean
}

export const ARGOCD: Tool = {
  name: 'Argo CD',
  manager: 'argocd-controller',
  metadata: namespace => ({ annotations: { 'argocd.argoproj.io/tracking-id': `${namespace}_shop:apps/Deployment:${namespace}/api` } }),
  path: namespace => `/apis/argoproj.io/v1alpha1/namespaces/${namespace}/applications`,
  object: namespace => ({
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'Application',
    metadata: { name: 'shop' },
    spec: {
      project: 'default',
      destination: { namespace, server: 'https://kubernetes.default.svc' },
      source: { repoURL: 'https://git.example/shop.git', path: 'deploy' },
      syncPolicy: { automated: { selfHeal: true, prune: true } }
    }
  }),
  listing: (namespace, names) => ({
    path: '',
    status: { resources: names.map(name => ({ group: 'apps', version: 'v1', kind: 'Deployment', namespace, name, status: 'Synced' })) }
  }),
  enforces: owner => objectAt(owner, 'spec', 'syncPolicy')['automated'] !== undefined,
  owner: /Application .*\/shop: automated sync with self-heal/,
  suspended: owner => objectAt(owner, 'spec', 'syncPolicy')['automated'] === undefined
}

export const FLUX: Tool = {
  name: 'Flux',
  manager: 'kustomize-controller',
  metadata: namespace => ({
    labels: { 'kustomize.toolkit.fluxcd.io/name': 'shop', 'kustomize.toolkit.fluxcd.io/namespace': namespace }
  }),
  path: namespace => `/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/${namespace}/kustomizations`,
  object: () => ({
    apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
    kind: 'Kustomization',
    metadata: { name: 'shop' },
    spec: { interval: '10m', prune: true, sourceRef: { kind: 'GitRepository', name: 'shop' } }
  }),
  listing: (namespace, names) => ({
    path: '/status',
    status: { inventory: { entries: names.map(name => ({ id: `${namespace}_${name}_apps_Deployment`, v: 'v1' })) } }
  }),
  enforces: owner => objectAt(owner, 'spec')['suspend'] !== true,
  owner: /Kustomization .*\/shop: it applies what Git says every 10m/,
  suspended: owner => objectAt(owner, 'spec')['suspend'] === true
}

async function play(
  t: Test,
  site: Site,
  namespace: string,
  { tool, steps, lists = ['api'] }: { readonly tool: Tool; readonly steps: readonly unknown[]; readonly lists?: readonly string[] }
): Promise<World> {
  const world = await openWorld(t, site, namespace, {
    workload: { metadata: tool.metadata(namespace) },
    policies: [storyPolicy(namespace, { steps })]
  })
  await world.astern()
  ok(await world.clients.kube.post(tool.path(namespace), tool.object(namespace)))
  const { path, status } = tool.listing(namespace, lists)
  ok(await world.clients.kube.jsonPatch(`${tool.path(namespace)}/shop${path}`, [{ op: 'add', path: '/status', value: status }]))
  await world.deploy('app:v1')
  const reconciler = startReconciler(world.clients, world.target, {
    owner: `${tool.path(namespace)}/shop`,
    manager: tool.manager,
    git: 'app:v1',
    enforces: tool.enforces
  })
  t.teardown(() => reconciler.stop())
  // Somebody merges the bad version.
  reconciler.git = 'app:v2-err40'
  await world.image('app:v2-err40')
  return world
}

const UNDO = { action: 'rollout-undo', with: { provenFor: '0s' }, confirm: { within: '80s', passes: 2, every: '1s' } }

/** 11. A GitOps tool enforces the target: denied, with the owner and the revert to make. */
export async function story11(t: Test, site: Site, namespace: string, tool: Tool): Promise<void> {
  const world = await play(t, site, namespace, { tool, steps: [UNDO] })

  const run = await world.untilRun(ended, 'the run ends')

  t.same([run['outcome'], run['reason']], ['denied', 'gitops-owned'])
  t.match(run['detail'], tool.owner)
  t.match(run['detail'], /put revision 1 \(app:v1\) back/, 'with the revert to make')
  t.equal(world.proxy.deploymentWrites().filter(write => write.uri.includes('fieldManager=astern')).length, 0)
  await waitUntil(() => world.people.some(message => message.event === 'needs-people'), 'people are told')
}

/** 11, where the policy says so: suspended first, then undone; remembered, and reminded of, until people resume it. */
export async function suspendedFirst(t: Test, site: Site, namespace: string, tool: Tool): Promise<void> {
  const world = await play(t, site, namespace, { tool, steps: [{ action: 'gitops-suspend', with: { remindEvery: '3s' } }, UNDO] })

  const run = await world.untilRun(ended, 'the run ends')

  t.equal(run['outcome'], 'recovered', { run })
  const back = await untilWorkload(world.clients.cluster, world.target, workload => workload.rollout.available, 'it is back')
  t.equal(imageOf(back), 'app:v1')
  const path = `${tool.path(namespace)}/shop`
  t.ok(tool.suspended(ok(await world.clients.kube.get(path))))
  await waitUntil(
    () => world.people.filter(message => /reminder/.test(message.title)).length >= 2,
    () => `people are reminded, again and again; they heard ${JSON.stringify(world.people.map(({ title, text }) => ({ title, text })))}`
  )
  t.match(world.people.find(message => /reminder/.test(message.title))?.text, /When it is resumed the version in Git comes back/)
  const spec = at(tool.object(namespace), 'spec')
  ok(
    await world.clients.kube.jsonPatch(
      path,
      tool.name === 'Flux'
        ? [{ op: 'replace', path: '/spec/suspend', value: false }]
        : [{ op: 'add', path: '/spec/syncPolicy/automated', value: at(spec, 'syncPolicy', 'automated') }]
    )
  )
  await waitUntil(async () => {
    const { body } = await world.api('GET', `/api/v1/runs/${String(run['id'])}`)
    return /people took it back/.test(JSON.stringify(body))
  }, 'it is told that people resumed it')
  await waitUntil(
    () => world.people.some(message => message.event === 'over' && /taken back/.test(message.title)),
    'people hear that it is over, so that a page is closed'
  )
}

/** A copy has the marks of the original; its owner does not list it, so it enforces nothing there, and is left alone. */
export async function copiedMarks(t: Test, site: Site, namespace: string, tool: Tool): Promise<void> {
  const steps = [{ action: 'gitops-suspend' }, UNDO]
  // The field manager of a copy is whoever copied it, and nobody reconciles it.
  const world = await openWorld(t, site, namespace, {
    workload: { metadata: tool.metadata(namespace) },
    policies: [storyPolicy(namespace, { steps })]
  })
  await world.astern()
  ok(await world.clients.kube.post(tool.path(namespace), tool.object(namespace)))
  const { path, status } = tool.listing(namespace, ['original'])
  ok(await world.clients.kube.jsonPatch(`${tool.path(namespace)}/shop${path}`, [{ op: 'add', path: '/status', value: status }]))
  await world.deploy('app:v1')
  await world.image('app:v2-err40')

  const run = await world.untilRun(ended, 'the run ends')

  t.equal(run['outcome'], 'recovered', { run })
  const owner = ok(await world.clients.kube.get(`${tool.path(namespace)}/shop`))
  t.ok(tool.enforces(owner), 'the original’s owner was left alone')
  const { body } = await world.api('GET', `/api/v1/runs/${String(run['id'])}`)
  t.match(JSON.stringify(body), /only the target’s metadata names it/, 'the evidence shows the hint')
}

/** An owner that has something elsewhere too would be suspended for that as well. */
export async function ownerOfMore(t: Test, site: Site, namespace: string, tool: Tool): Promise<void> {
  const world = await openWorld(t, site, namespace, {
    workload: { metadata: tool.metadata(namespace) },
    policies: [storyPolicy(namespace, { steps: [{ action: 'gitops-suspend' }, UNDO] })]
  })
  await world.astern()
  ok(await world.clients.kube.post(tool.path(namespace), tool.object(namespace)))
  const own = tool.listing(namespace, ['api'])
  const foreign = tool.listing('kube-system', ['coredns'])
  const status =
    tool.name === 'Flux' ? joined(own.status, foreign.status, 'inventory', 'entries') : joined(own.status, foreign.status, 'resources')
  ok(await world.clients.kube.jsonPatch(`${tool.path(namespace)}/shop${own.path}`, [{ op: 'add', path: '/status', value: status }]))
  await world.deploy('app:v1')
  await world.image('app:v2-err40')

  const run = await world.untilRun(ended, 'the run ends')

  t.same([run['outcome'], run['reason']], ['denied', 'namespace-not-allowed'], { run })
  t.match(run['detail'], /Deployment kube-system\/coredns would be written too/)
  t.ok(tool.enforces(ok(await world.clients.kube.get(`${tool.path(namespace)}/shop`))), 'it goes on')
}

function joined(one: JsonObject, other: JsonObject, first: string, second?: string): JsonObject {
  if (second !== undefined) return { [first]: joined(objectAt(one, first), objectAt(other, first), second) }
  return { [first]: [...listAt(one, first), ...listAt(other, first)] }
}

/** Argo CD by its label only wrote the template; a restart by hand came after it. Both before and after, hands off. */
export async function restartedByHand(t: Test, site: Site, namespace: string): Promise<void> {
  const world = await openWorld(t, site, namespace, {
    workload: { metadata: { labels: { 'app.kubernetes.io/instance': 'shop' } } },
    policies: [storyPolicy(namespace)]
  })
  const { kube, cluster } = world.clients
  await world.astern()
  await world.deploy('app:v1')
  const write = async (manager: string, path: string, value: unknown): Promise<void> => {
    ok(await kube.jsonPatch(`${objectPath(world.target)}?fieldManager=${manager}`, [{ op: 'add', path, value }]))
  }
  await write('argocd-controller', '/spec/template/spec/containers/0/image', 'app:v2-err40')
  const stamp = { 'kubectl.kubernetes.io/restartedAt': new Date().toISOString() }
  await write('kubectl-rollout', '/spec/template/metadata/annotations', stamp)

  const run = await world.untilRun(ended, 'the run ends')

  t.same([run['outcome'], run['reason']], ['denied', 'gitops-owned'], { run })
  t.equal(world.proxy.deploymentWrites().filter(one => one.uri.includes('fieldManager=astern')).length, 0)
  const patch = /patch deployment\/api --type=json -p '([^']*)'/.exec(String(run['detail']))?.[1] ?? ''
  const operations: unknown = JSON.parse(patch)
  ok(await kube.jsonPatch(objectPath(world.target), Array.isArray(operations) ? operations : []))
  const cleared = await untilWorkload(cluster, world.target, () => true, 'a read')
  t.same(await cluster.owners(cleared, AbortSignal.timeout(10_000)), [], 'the command that the reason names clears it')
}

/** A copied tracking id speaks of another object, and a label alone proves nothing. */
export async function copiedTrackingId(t: Test, site: Site, namespace: string): Promise<void> {
  const world = await openWorld(t, site, namespace, {
    workload: {
      metadata: {
        annotations: { 'argocd.argoproj.io/tracking-id': `shop:apps/Deployment:${namespace}/another` },
        labels: { 'app.kubernetes.io/instance': 'shop' }
      }
    },
    policies: [storyPolicy(namespace)]
  })
  await world.astern()
  await world.deploy('app:v1')
  await world.image('app:v2-err40')
  const run = await world.untilRun(ended, 'the run ends')
  t.equal(run['outcome'], 'recovered', { run })
}
