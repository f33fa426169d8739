import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import t from 'tap'
import type { JsonObject } from '../../../src/base/json.ts'
import { createApiScopes } from '../../../src/cluster/api-scopes.ts'
import { templateHolder } from '../../../src/cluster/argo-rollout.ts'
import { labelSelector } from '../../../src/cluster/cluster.ts'
import { toDeployment } from '../../../src/cluster/deployment.ts'
import { parseInventoryId } from '../../../src/cluster/listed.ts'
import type { OwnerReading } from '../../../src/cluster/owner-reading.ts'
import { readOwners } from '../../../src/cluster/owners.ts'
import { createOwningRelease } from '../../../src/cluster/owning-release.ts'
import { releaseNamed } from '../../../src/cluster/release.ts'
import { type Contents, createReleaseContents, type ReleaseContents } from '../../../src/cluster/release-contents.ts'
import type { LookScope } from '../../../src/domain/namespaces.ts'
import type { KubeAnswer } from '../../../src/domain/ports/kube.ts'
import { touchedName } from '../../../src/domain/touched.ts'
import type { Workload } from '../../../src/domain/workload.ts'
import { manifestObjects } from '../../../src/templates/manifest.ts'
import { StoryKube } from '../../support/story-kube.ts'
import { badRollout, TARGET, templateOf } from '../../support/workloads.ts'

const never = AbortSignal.timeout(60_000)
const SCOPE: LookScope = { allowed: () => ['shop', 'team-*'], flux: ['flux-system'], argocd: 'argocd', releasesUnread: () => undefined }

interface World {
  readonly kube?: Pick<StoryKube, 'get'>
  readonly scope?: LookScope
  readonly contents?: Contents
}

async function owners(workload: Workload, { kube = new StoryKube(), scope = SCOPE, contents }: World = {}) {
  const read: ReleaseContents = async () => contents ?? { kind: 'absent' }
  return readOwners({ kube, workload, scope, contents: read, signal: never } satisfies OwnerReading)
}
const told = async (...args: Parameters<typeof owners>): Promise<readonly string[]> =>
  (await owners(...args)).map(({ kind, name, enforces, hint }) => `${kind} ${name} ${hint === true ? 'hint' : enforces}`)

const writer = (manager: string, more: JsonObject = {}): JsonObject => ({
  manager,
  operation: 'Update',
  time: '2026-11-21T10:00:00Z',
  fieldsV1: { 'f:spec': { 'f:template': {} } },
  ...more
})

function deployed(...managedFields: readonly JsonObject[]): Workload {
  const metadata = { uid: 'uid-api', generation: 1, managedFields }
  return toDeployment(TARGET, { metadata, spec: { template: templateOf('app:v2') } }, [], [])
}

t.test('all writers of the template count: a restart by hand takes nothing from the controller before it', async t => {
  const restarted = deployed(
    writer('kube-controller-manager', { subresource: 'status' }),
    writer('argocd-controller'),
    writer('kubectl-rollout', { time: '2026-11-21T11:00:00Z' })
  )
  t.equal(restarted.templateManager, 'kubectl-rollout', 'it wrote last')
  t.same(await told(restarted), ['field-manager argocd-controller unknown'])
  const [owner] = await owners(restarted)
  const patch = /kubectl -n shop patch deployment\/api --type=json -p '(.*)'$/.exec(owner?.detail ?? '')?.[1]
  t.same(JSON.parse(patch ?? ''), [
    { op: 'test', path: '/metadata/managedFields/1/manager', value: 'argocd-controller' },
    { op: 'remove', path: '/metadata/managedFields/1' }
  ])
  t.same(await told(deployed(writer('helm'), writer('kubectl-client-side-apply'))), [])
  t.same(await told(deployed(writer('argocd-controller', { subresource: 'status' }))), [], 'a status is no template')
  t.same(await told(deployed(writer('kustomize-controller', { time: undefined }))), ['field-manager kustomize-controller unknown'])
})

t.test('a manager is at rest only once its own kind of owner is found, and lists the target', async t => {
  const kube = new StoryKube()
  const application = (resources: readonly JsonObject[]) =>
    kube.objects.set('/apis/argoproj.io/v1alpha1/namespaces/argocd/applications/shop', {
      metadata: { uid: 'u' },
      spec: {},
      status: { resources }
    })
  const tracked = (id: string): Workload => ({
    ...deployed(writer('argocd-controller'), writer('kustomize-controller')),
    annotations: { 'argocd.argoproj.io/tracking-id': id }
  })
  application([{ group: 'apps', kind: 'Deployment', namespace: 'shop', name: 'api' }])
  const id = 'shop:apps/Deployment:shop/api'
  t.same(await told(tracked(id), { kube }), ['Application argocd/shop no', 'field-manager kustomize-controller unknown'])
  application([{ group: 'apps', kind: 'Deployment', namespace: 'shop', name: 'another' }])
  t.same(
    await told(tracked(id), { kube }),
    ['Application argocd/shop hint', 'field-manager argocd-controller unknown', 'field-manager kustomize-controller unknown'],
    'a hint is no owner'
  )
})

t.test('an owner that does not list the target is a hint: a copy has the metadata of the original', async t => {
  const kube = new StoryKube()
  const labels = (group: string) => ({
    [`${group}.toolkit.fluxcd.io/name`]: 'apps',
    [`${group}.toolkit.fluxcd.io/namespace`]: 'flux-system'
  })
  const path = (group: string, version: string, resource: string) =>
    `/apis/${group}.toolkit.fluxcd.io/${version}/namespaces/flux-system/${resource}/apps`
  const kustomization = (entries: readonly string[], spec: JsonObject = {}) =>
    kube.objects.set(path('kustomize', 'v1', 'kustomizations'), {
      metadata: { uid: 'u', name: 'apps' },
      spec,
      status: { inventory: { entries: entries.map(id => ({ id, v: 'v1' })) } }
    })
  const copy = { ...badRollout(), labels: labels('kustomize') }
  kustomization(['shop_original_apps_Deployment', '_role_rbac.authorization.k8s.io_ClusterRole'])
  t.same(await told(copy, { kube }), ['Kustomization flux-system/apps hint'])
  kustomization(['shop_api_apps_Deployment', '_a__b_rbac.authorization.k8s.io_ClusterRole'])
  const [real] = await owners(copy, { kube })
  t.match(real, { enforces: 'yes', at: { kind: 'Kustomization', namespace: 'flux-system', name: 'apps' } })
  t.same(real?.lists?.map(touchedName), ['Deployment shop/api', 'ClusterRole a:b'])
  kustomization(['shop_api_apps_Deployment'], { kubeConfig: { secretRef: { name: 'prod' } } })
  t.same(await told(copy, { kube }), ['Kustomization flux-system/apps hint'], 'it applies to another cluster')

  const release = { ...badRollout(), labels: labels('helm') }
  kube.objects.set(path('helm', 'v2', 'helmreleases'), {
    metadata: { uid: 'u', name: 'apps', namespace: 'flux-system' },
    spec: { targetNamespace: 'shop' },
    status: { storageNamespace: 'shop' }
  })
  const lists = [{ kind: 'Deployment', group: 'apps', namespace: 'shop', name: 'api' }]
  t.match(await owners(release, { kube, contents: { kind: 'listed', lists } }), [{ enforces: 'yes', lists }])
  t.same(await told(release, { kube, contents: { kind: 'listed', lists: [] } }), ['HelmRelease flux-system/apps hint'])
  t.same(await told(release, { kube, contents: { kind: 'absent' } }), ['HelmRelease flux-system/apps hint'])
  const [unread] = await owners(release, { kube, contents: { kind: 'unread', detail: 'secrets is forbidden' } })
  t.match(unread, { enforces: 'yes', detail: /unconfirmed: secrets is forbidden/ })
  t.equal(unread?.lists, undefined, 'nobody knows what else it has')
})

t.test('not found is a hint; may not be read, or no answer, is taken for enforced; elsewhere nothing is read', async t => {
  const asked: string[] = []
  const answering = (answer: KubeAnswer) => ({
    get: async (path: string) => {
      asked.push(path)
      return answer
    }
  })
  const tracked = { ...badRollout(), annotations: { 'argocd.argoproj.io/tracking-id': 'shop:apps/Deployment:shop/api' } }
  t.same(await told(tracked, { kube: answering({ kind: 'error', status: 404, detail: 'not found' }) }), ['Application argocd/shop hint'])
  t.same(await told(tracked, { kube: answering({ kind: 'error', status: 403, detail: 'forbidden' }) }), ['Application argocd/shop unknown'])
  t.same(await told(tracked, { kube: answering({ kind: 'unreachable', detail: 'time-out' }) }), ['Application argocd/shop unknown'])
  asked.length = 0
  const kube = answering({ kind: 'error', status: 404, detail: 'not found' })
  for (const namespace of ['bank', 'kube-system', 'astern']) {
    const elsewhere = {
      ...badRollout(),
      annotations: { 'argocd.argoproj.io/tracking-id': `${namespace}_shop:apps/Deployment:shop/api` },
      labels: { 'kustomize.toolkit.fluxcd.io/name': 'root', 'kustomize.toolkit.fluxcd.io/namespace': namespace }
    }
    const scope = { ...SCOPE, allowed: () => ['shop', 'kube-*', 'astern'], ownNamespace: 'astern' }
    t.same(await told(elsewhere, { kube, scope }), [`Application ${namespace}/shop unknown`, `Kustomization ${namespace}/root unknown`])
  }
  t.same(asked, [], 'because a label says so, nothing is read')
})

t.test('names are checked as what they are before they reach a path, a query or an argument', async t => {
  const asked: string[] = []
  const kube = {
    get: async (path: string): Promise<KubeAnswer> => {
      asked.push(path)
      return { kind: 'error', status: 404, detail: 'not found' }
    }
  }
  const text = fc.oneof(fc.string(), fc.constantFrom('..', '.', '', 'a/b', '-f', '--namespace', 'A', 'a_b', 'x'.repeat(64), 'ok', 'a.b'))
  await fc.assert(
    fc.asyncProperty(text, text, async (name, namespace) => {
      asked.length = 0
      const labels = {
        'kustomize.toolkit.fluxcd.io/name': name,
        'kustomize.toolkit.fluxcd.io/namespace': namespace,
        'helm.toolkit.fluxcd.io/name': name,
        'helm.toolkit.fluxcd.io/namespace': namespace,
        'app.kubernetes.io/instance': name,
        'app.kubernetes.io/managed-by': 'Helm'
      }
      const annotations = {
        'argocd.argoproj.io/tracking-id': `${namespace}_${name}:apps/Deployment:shop/api`,
        'meta.helm.sh/release-name': name,
        'meta.helm.sh/release-namespace': namespace
      }
      const workload = { ...badRollout(), labels, annotations }
      await owners(workload, { kube, scope: { ...SCOPE, allowed: () => ['*'] } })
      const release = releaseNamed(workload)
      const holder = templateHolder({ spec: { workloadRef: { kind: 'Deployment', name } } }, 'shop')
      const segments = [...asked, holder ?? ''].flatMap(path => path.split('/')).filter(part => part !== '')
      return (
        segments.every(part => /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(part) || part === 'v1alpha1') &&
        (release === undefined || (/^[a-z0-9][-a-z0-9.]{0,52}$/.test(release.name) && /^[a-z0-9][-a-z0-9]{0,62}$/.test(release.namespace)))
      )
    }),
    { numRuns: 2_000 }
  )
  t.equal(labelSelector({ matchLabels: { app: 'api,tier in (x)' } }), undefined, 'a comma would begin another condition')
  t.equal(labelSelector({ matchExpressions: [{ key: 'app', operator: 'In', values: ['a', 'b)'] }] }), undefined)
  t.equal(labelSelector({ matchLabels: { 'app.kubernetes.io/name': 'api' } }), 'app.kubernetes.io/name=api')
})

const MANIFEST = `# Source: a
apiVersion: apps/v1
kind: Deployment
metadata: { name: api }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: role }
---
`
const pack = (release: unknown): string => Buffer.from(gzipSync(JSON.stringify(release)).toString('base64')).toString('base64')

function secrets(release: string, more: JsonObject = {}) {
  const kube = new StoryKube()
  const at = '/api/v1/namespaces/shop/secrets'
  const metadata = {
    name: 'sh.helm.release.v1.api.v2',
    uid: 'u2',
    resourceVersion: '7',
    labels: { version: '2', status: 'deployed', ...more }
  }
  kube.objects.set(`${at}?labelSelector=${encodeURIComponent('owner=helm,name=api')}`, { items: [{ metadata }] })
  kube.objects.set(`${at}/${metadata.name}`, { metadata, data: { release } })
  kube.objects.set('/apis/batch/v1', { resources: [{ name: 'jobs', kind: 'Job', namespaced: true }] })
  kube.objects.set('/apis/apps/v1', { resources: [{ name: 'deployments', kind: 'Deployment', namespaced: true }] })
  kube.objects.set('/apis/rbac.authorization.k8s.io/v1', { resources: [{ name: 'clusterroles', kind: 'ClusterRole', namespaced: false }] })
  const gets: string[] = []
  const counted = {
    get: (path: string) => {
      gets.push(path)
      return kube.get(path)
    },
    metadata: (path: string) => kube.metadata(path)
  }
  return { kube, gets, read: createReleaseContents(counted, createApiScopes(counted)) }
}
const PLACE = { namespace: 'shop', name: 'api' }

t.test('release contents: by the names of their objects only, read once, and refused where they unpack to too much', async t => {
  const hooks = [
    { manifest: 'apiVersion: batch/v1\nkind: Job\nmetadata: { name: migrate, namespace: team-a }' },
    { manifest: 'apiVersion: example.org/v1\nkind: Thing\nmetadata: { name: gone, namespace: team-a }' }
  ]
  const { read, gets, kube } = secrets(pack({ manifest: MANIFEST, hooks, config: { password: 'hunter2' } }))
  const contents = await read(PLACE, never)
  if (contents.kind !== 'listed') throw new Error(contents.kind)
  t.same(contents.lists.map(touchedName), ['Deployment shop/api', 'ClusterRole role', 'Job team-a/migrate', 'Thing gone'])
  t.notMatch(JSON.stringify(contents), /hunter2/)
  kube.objects.set('/apis/example.org/v1', { resources: [{ name: 'things', kind: 'Thing', namespaced: true }] })
  t.match(await read(PLACE, never), { lists: [{}, {}, {}, { namespace: 'team-a' }] }, 'what was not sure is looked at again')
  const before = gets.length
  await read(PLACE, never)
  t.notOk(
    gets.slice(before).some(path => path.includes('/secrets/')),
    'an unchanged Secret is not read again'
  )
  kube.objects.clear()
  t.match(await read(PLACE, never), { kind: 'unread' })
  const bomb = pack({ manifest: MANIFEST, config: 'x'.repeat(64 * 1024 * 1024) })
  t.match(await secrets(bomb).read(PLACE, never), { kind: 'unread', detail: /cannot be read/ })
  for (const release of ['', 'xx', pack('no'), pack({ manifest: 'a: [' }), pack({ manifest: 'just text' })])
    t.match(await secrets(release).read(PLACE, never), { kind: 'unread' }, release.slice(0, 20))
  const none = secrets(pack({}))
  none.kube.objects.set(`/api/v1/namespaces/shop/secrets?labelSelector=${encodeURIComponent('owner=helm,name=api')}`, { items: [] })
  t.match(await none.read(PLACE, never), { kind: 'absent' })
})

t.test('manifests: lists are taken apart, and what is no object is refused', async t => {
  const names = async (text: string): Promise<unknown> => {
    const objects = await manifestObjects(text)
    return typeof objects === 'string' ? objects : objects.map(({ kind, name }) => `${kind}/${name}`)
  }
  t.same(await names(''), [])
  t.same(await names('---\n# nothing\n---\n'), [])
  const item = '{ apiVersion: v1, kind: ConfigMap, metadata: { name: x } }'
  t.same(await names(`{ apiVersion: v1, kind: List, items: [${item}] }`), ['ConfigMap/x'])
  for (const text of ['text', '[1]', 'kind: X', '{ apiVersion: v1, kind: X }', 'a: [', '{ apiVersion: v1, kind: List, items: [1] }'])
    t.equal(await names(text), 'unreadable', text)
})

t.test('a release that does not list the target is a hint; one that is not read stands; elsewhere nothing is asked', async t => {
  const asked: string[] = []
  const marks = (namespace: string): Workload => ({
    ...badRollout(),
    labels: { 'app.kubernetes.io/managed-by': 'Helm' },
    annotations: { 'meta.helm.sh/release-name': 'api', 'meta.helm.sh/release-namespace': namespace }
  })
  const read = (contents: Contents) =>
    createOwningRelease(
      async named => {
        asked.push(named.namespace)
        return named
      },
      async () => contents,
      SCOPE
    )
  const lists = [{ kind: 'Deployment', group: 'apps', namespace: 'shop', name: 'api' }]
  t.match(await read({ kind: 'listed', lists })(marks('shop'), never), { release: { name: 'api' }, releaseLists: lists })
  const copy = await read({ kind: 'listed', lists: [] })(marks('shop'), never)
  t.match(copy, { hints: [/release shop\/api: only the target’s metadata names it/] })
  t.equal(copy.release, undefined)
  t.equal((await read({ kind: 'absent' })(marks('shop'), never)).release, undefined)
  const unconfirmed = await read({ kind: 'unread', detail: 'forbidden' })(marks('shop'), never)
  t.match(unconfirmed, { release: { name: 'api' } })
  t.equal(unconfirmed.releaseLists, undefined)
  asked.length = 0
  t.match(await read({ kind: 'absent' })(marks('kube-system'), never), { release: { namespace: 'kube-system' }, releaseOutside: true })
  t.same(asked, [])
})

t.test('Flux’ inventory ids are read from both ends', async t => {
  t.same(parseInventoryId('shop_api_apps_Deployment'), { namespace: 'shop', name: 'api', group: 'apps', kind: 'Deployment' })
  t.same(parseInventoryId('shop_x__Service'), { namespace: 'shop', name: 'x', group: '', kind: 'Service' })
  t.same(parseInventoryId('_system__node_rbac.authorization.k8s.io_ClusterRole'), {
    name: 'system:node',
    group: 'rbac.authorization.k8s.io',
    kind: 'ClusterRole'
  })
})

t.test('an Application that deploys to another cluster is a hint, though it lists the very same names there', async t => {
  const kube = new StoryKube()
  const application = (destination: JsonObject) =>
    kube.objects.set('/apis/argoproj.io/v1alpha1/namespaces/argocd/applications/shop', {
      metadata: { uid: 'u', name: 'shop' },
      spec: { destination, syncPolicy: { automated: {} } },
      status: { resources: [{ group: 'apps', kind: 'Deployment', namespace: 'shop', name: 'api' }] }
    })
  const tracked = { ...badRollout(), annotations: { 'argocd.argoproj.io/tracking-id': 'shop:apps/Deployment:shop/api' } }
  for (const destination of [{ server: 'https://prod.example' }, { name: 'prod' }]) {
    application({ namespace: 'shop', ...destination })
    t.same(await told(tracked, { kube }), ['Application argocd/shop hint'], JSON.stringify(destination))
  }
  const managed = { ...tracked, templateWriters: [{ manager: 'argocd-controller', index: 0 }] }
  t.same(
    await told(managed, { kube }),
    ['Application argocd/shop hint', 'field-manager argocd-controller unknown'],
    'it may go by another name'
  )
  for (const destination of [{ server: 'https://kubernetes.default.svc' }, { name: 'in-cluster' }, {}, { server: '', name: '' }]) {
    application({ namespace: 'shop', ...destination })
    t.same(await told(tracked, { kube }), ['Application argocd/shop yes'], JSON.stringify(destination))
  }
})

t.test('the release of a HelmRelease is kept beside the HelmRelease, and makes its objects where it is told to', async t => {
  const kube = new StoryKube()
  const labels = { 'helm.toolkit.fluxcd.io/name': 'api', 'helm.toolkit.fluxcd.io/namespace': 'flux-system' }
  const asked: string[] = []
  const contents: ReleaseContents = async ({ namespace, name, objectsIn }) => {
    asked.push(`${name} of ${namespace}, for ${objectsIn ?? namespace}`)
    const lists = [{ kind: 'Deployment', group: 'apps', namespace: objectsIn ?? namespace, name: 'api' }]
    return namespace === 'flux-system' ? { kind: 'listed', lists } : { kind: 'absent' }
  }
  const path = '/apis/helm.toolkit.fluxcd.io/v2/namespaces/flux-system/helmreleases/api'
  const metadata = { uid: 'u', name: 'api', namespace: 'flux-system' }
  const owner = async () =>
    readOwners({ kube, workload: { ...badRollout(), labels }, scope: SCOPE, contents, signal: never } satisfies OwnerReading)
  kube.objects.set(path, {
    metadata,
    spec: { targetNamespace: 'shop' },
    status: { storageNamespace: 'flux-system', history: [{ name: 'shop-api', namespace: 'shop', version: 1 }] }
  })
  t.match(await owner(), [{ kind: 'HelmRelease', enforces: 'yes', hint: undefined }])
  kube.objects.set(path, { metadata, spec: { targetNamespace: 'shop' } })
  t.match(await owner(), [{ kind: 'HelmRelease', enforces: 'yes', hint: undefined }], 'before the first one is made')
  t.same(asked, ['shop-api of flux-system, for shop', 'shop-api of flux-system, for shop'])
})

t.test('the command that clears a manager takes all of its entries, the last ones first', async t => {
  const server = writer('argocd-controller', { operation: 'Apply' })
  const [owner] = await owners(deployed(writer('argocd-controller'), writer('kubectl-rollout'), server))
  const patch: unknown = JSON.parse(/--type=json -p '(.*)'$/.exec(owner?.detail ?? '')?.[1] ?? '[]')
  t.same(patch, [
    { op: 'test', path: '/metadata/managedFields/2/manager', value: 'argocd-controller' },
    { op: 'remove', path: '/metadata/managedFields/2' },
    { op: 'test', path: '/metadata/managedFields/0/manager', value: 'argocd-controller' },
    { op: 'remove', path: '/metadata/managedFields/0' }
  ])
})
