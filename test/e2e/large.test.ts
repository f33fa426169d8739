import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t from 'tap'
import { type JsonObject, objectAt, textAt } from '../../src/base/json.ts'
import { readConfig } from '../../src/config.ts'
import { examine } from '../../src/doctor/doctor.ts'
import { startControlPlane } from '../support/cluster/control-plane.ts'
import { deploymentOf, ok, openClients, pathOf, setImage } from '../support/conformance/clients.ts'
import { startMeasured } from '../support/large/astern.ts'
import { bigDeployment, bigPod, fill } from '../support/large/fill.ts'
import { kubeconfigFile, makeNamespace } from '../support/large/witness.ts'
import { waitUntil } from '../support/world/world.ts'

/** Together some 22 MB, more than is read of one answer; `npm run bench` does it with 10,000. */
const DEPLOYMENTS = 3_600
const PODS = 3_600
/** MiB over what the same process holds beside an empty namespace. */
const MORE_AT_MOST = 20

const folder = mkdtempSync(join(tmpdir(), 'astern-large-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))
const plane = await startControlPlane({ controllers: false })
const admin = await openClients(plane.kubeconfig)
t.teardown(async () => {
  admin.close()
  await plane.stop()
})

function policies(name: string, namespaces: readonly string[]): string {
  const file = join(folder, `${name}.yaml`)
  const policy = {
    name: 'undo',
    match: ['alertname="ApiHighErrorRate"'],
    target: { kind: 'Deployment', namespace: '{{ labels.namespace }}', name: '{{ labels.deployment }}' },
    mode: 'dry-run',
    verify: [{ promql: 'sum(rate(x[5m]))', failWhen: '> 1', samples: 1 }],
    steps: [{ action: 'rollout-undo' }],
    guards: { namespaces }
  }
  writeFileSync(file, JSON.stringify({ version: 1, sources: { prometheus: { url: 'http://127.0.0.1:1' } }, policies: [policy] }))
  return file
}

function templatesIn(dataDir: string): number {
  const db = new DatabaseSync(join(dataDir, 'ledger.sqlite'), { readOnly: true })
  try {
    return Number(db.prepare('select count(*) as count from observed_templates').get()?.['count'])
  } finally {
    db.close()
  }
}

await t.test('thousands of Deployments and pods: watched in the memory of the image, and a target among them is read', async t => {
  await makeNamespace(admin, 'empty')
  await makeNamespace(admin, 'crowded')
  const serve = async (name: string) => {
    const dataDir = join(folder, name)
    const astern = await startMeasured(t, { policies: policies(name, [name]), kubeconfig: plane.kubeconfig, dataDir })
    const sees = async (): Promise<boolean> => (await astern.watches())?.every(watch => objectAt(watch)['sees'] === true) === true
    return { astern, dataDir, sees }
  }
  const empty = await serve('empty')
  await waitUntil(empty.sees, 'it watches')
  const before = await empty.astern.heap()
  await empty.astern.stop()

  await fill(
    plane,
    pathOf({ namespace: 'crowded' }),
    Array.from({ length: DEPLOYMENTS }, (_, index) => bigDeployment(`app-${index}`))
  )
  const owner = ok(await admin.kube.post(pathOf({ namespace: 'crowded' }), deploymentOf('api', 'app:1', { replicas: PODS })))
  const set = ok(await admin.kube.post(pathOf({ namespace: 'crowded' }, 'replicasets'), replicaSet(owner)))
  await fill(
    plane,
    '/api/v1/namespaces/crowded/pods',
    Array.from({ length: PODS }, (_, index) => bigPod(`api-${index}`, 'api', { name: 'api-1', uid: textAt(set, 'metadata', 'uid') ?? '' }))
  )
  const crowded = await serve('crowded')
  await waitUntil(crowded.sees, () => `it watches: ${crowded.astern.output().slice(-600)}`)
  await waitUntil(
    () => templatesIn(crowded.dataDir) === DEPLOYMENTS + 1,
    () => `${templatesIn(crowded.dataDir)} templates are recorded`
  )
  const after = await crowded.astern.heap()
  t.comment(`heap after collection: ${before.toFixed(1)} MiB, ${after.toFixed(1)} MiB with ${DEPLOYMENTS} Deployments`)
  t.ok(after - before <= MORE_AT_MOST, `${(after - before).toFixed(1)} MiB more`)
  t.match(await crowded.astern.metrics(), /^astern_watches\{kind="Deployment",state="watching"\} 1$/m)

  const answer = await fetch(`${crowded.astern.url}/api/v1/dry-runs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ policy: 'undo', target: { kind: 'Deployment', namespace: 'crowded', name: 'api' } })
  })
  t.match(
    await answer.json(),
    { reason: 'rollout-moving' },
    'it was read, with its pods; there is no controller that would end its rollout'
  )
  const read = await admin.cluster.read({ kind: 'Deployment', namespace: 'crowded', name: 'api' }, AbortSignal.timeout(20_000))
  if (read.kind !== 'found') throw new Error(read.detail)
  t.equal(read.workload.pods.length, PODS)
  t.equal(read.workload.revisions.length, 1)

  await setImage(admin.kube, { kind: 'Deployment', namespace: 'crowded', name: 'app-17' }, 'app:2')
  await waitUntil(() => /"a target changed"/.test(crowded.astern.output()), 'a change among them is seen', 20_000)
  t.notOk(crowded.astern.exited())
  await crowded.astern.stop()
})

function replicaSet(owner: JsonObject): JsonObject {
  const labels = { app: 'api', 'pod-template-hash': 'x' }
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name: 'api-1',
      labels,
      annotations: { 'deployment.kubernetes.io/revision': '1' },
      ownerReferences: [
        { apiVersion: 'apps/v1', kind: 'Deployment', name: 'api', uid: textAt(owner, 'metadata', 'uid') ?? '', controller: true }
      ]
    },
    spec: {
      replicas: 0,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'main', image: 'app:1' }] } }
    }
  }
}

await t.test('who may not watch says so everywhere, and sees as soon as it may', async t => {
  await makeNamespace(admin, 'guarded')
  ok(await admin.kube.post(pathOf({ namespace: 'guarded' }), deploymentOf('api', 'app:1')))
  const account = ok(
    await admin.kube.post('/api/v1/namespaces/guarded/serviceaccounts', {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 'astern' }
    })
  )
  t.ok(account)
  const issued = ok(
    await admin.kube.post('/api/v1/namespaces/guarded/serviceaccounts/astern/token', {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: {}
    })
  )
  const kubeconfig = kubeconfigFile(t, plane.server, textAt(issued, 'status', 'token') ?? '')
  const dataDir = join(folder, 'guarded')
  const file = policies('guarded', ['guarded'])
  const astern = await startMeasured(t, { policies: file, kubeconfig, dataDir })
  const [watch] = (await astern.watches()) ?? []
  t.match(watch, {
    kind: 'Deployment',
    namespace: 'guarded',
    sees: false,
    state: 'forbidden',
    detail: /cannot list resource "deployments"/
  })
  t.match(await astern.metrics(), /^astern_watches\{kind="Deployment",state="forbidden"\} 1$/m)
  t.match(astern.output(), /"state":"forbidden".*a watch is blind/)
  const doctor = async () => {
    for await (const finding of examine(readConfig({ policies: file, kubeconfig, dataDir }, {}), { sendTest: false }))
      if (finding.check === 'watching Deployments in guarded') return finding
    return undefined
  }
  t.match(await doctor(), { state: 'bad', detail: /^forbidden: /, todo: /grant list and watch/ })

  const rbac = '/apis/rbac.authorization.k8s.io/v1/namespaces/guarded'
  const role = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'Role',
    metadata: { name: 'astern' },
    rules: [{ apiGroups: ['apps'], resources: ['deployments'], verbs: ['list'] }]
  }
  ok(await admin.kube.post(`${rbac}/roles`, role))
  ok(
    await admin.kube.post(`${rbac}/rolebindings`, {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: 'astern' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'astern' },
      subjects: [{ kind: 'ServiceAccount', name: 'astern', namespace: 'guarded' }]
    })
  )
  await waitUntil(async () => /cannot watch resource/.test(JSON.stringify(await astern.watches())), 'to list is not enough')
  t.match(await doctor(), { state: 'bad', detail: /^forbidden: .*cannot watch/ })
  ok(await admin.kube.jsonPatch(`${rbac}/roles/astern`, [{ op: 'add', path: '/rules/0/verbs/-', value: 'watch' }]))
  await waitUntil(async () => objectAt((await astern.watches())?.[0])['sees'] === true, 'it sees by itself')
  t.match(await doctor(), { state: 'ok', detail: /^1 listed in/ })
  t.match(astern.output(), /a watch sees again/)
})
