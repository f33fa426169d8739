import type { Test } from 'tap'
import { at, type JsonObject, objectAt } from '../../src/base/json.ts'
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
  enforces: owner => objectAt(owner, 'spec')['suspend'] !== true,
  owner: /Kustomization .*\/shop: it applies what Git says every 10m/,
  suspended: owner => objectAt(owner, 'spec')['suspend'] === true
}

async function play(
  t: Test,
  site: Site,
  namespace: string,
  { tool, steps }: { readonly tool: Tool; readonly steps: readonly unknown[] }
): Promise<World> {
  const world = await openWorld(t, site, namespace, {
    workload: { metadata: tool.metadata(namespace) },
    policies: [storyPolicy(namespace, { steps })]
  })
  await world.astern()
  ok(await world.clients.kube.post(tool.path(namespace), tool.object(namespace)))
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
  await waitUntil(() => world.people.filter(message => /reminder/.test(message.title)).length >= 2, 'people are reminded, again and again')
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
