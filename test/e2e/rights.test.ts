import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { rolloutUndo } from '../../src/actions/rollout-undo/rollout-undo.ts'
import { textAt } from '../../src/base/json.ts'
import type { ObjectRef } from '../../src/domain/objects.ts'
import { startControlPlane } from '../support/cluster/control-plane.ts'
import { deploymentOf, ok, openClients, pathOf, setImage, untilWorkload } from '../support/conformance/clients.ts'
import { planInput } from '../support/workloads.ts'

const soon = () => AbortSignal.timeout(10_000)

t.test('real RBAC: who may read, but not patch, gets a dry run that is not permitted; who may nothing, a reason', async t => {
  const plane = await startControlPlane()
  const folder = mkdtempSync(join(tmpdir(), 'astern-rights-'))
  t.teardown(async () => {
    rmSync(folder, { recursive: true, force: true })
    await plane.stop()
  })
  const admin = await openClients(plane.kubeconfig)
  t.teardown(() => admin.close())
  const namespace = 'rights'
  const ref: ObjectRef = { kind: 'Deployment', namespace, name: 'api' }
  ok(await admin.kube.post('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }))
  ok(await admin.kube.post(pathOf({ namespace }), deploymentOf('api', 'app:1')))
  await untilWorkload(admin.cluster, ref, workload => workload.revisions.length === 1, 'the first revision')
  await setImage(admin.kube, ref, 'app:2')
  const workload = await untilWorkload(admin.cluster, ref, found => found.revisions.length === 2, 'the second revision')
  const as = async (name: string, rules: readonly unknown[]) => {
    const metadata = { name, namespace }
    ok(await admin.kube.post(`/api/v1/namespaces/${namespace}/serviceaccounts`, { apiVersion: 'v1', kind: 'ServiceAccount', metadata }))
    ok(
      await admin.kube.post(`/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}/roles`, {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'Role',
        metadata,
        rules
      })
    )
    ok(
      await admin.kube.post(`/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}/rolebindings`, {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'RoleBinding',
        metadata,
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name },
        subjects: [{ kind: 'ServiceAccount', name, namespace }]
      })
    )
    const token = textAt(
      ok(
        await admin.kube.post(`/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`, {
          apiVersion: 'authentication.k8s.io/v1',
          kind: 'TokenRequest',
          spec: {}
        })
      ),
      'status',
      'token'
    )
    const file = join(folder, name)
    writeFileSync(
      file,
      JSON.stringify({ ...(JSON.parse(readFileSync(plane.kubeconfig, 'utf8')) as object), users: [{ name: 'admin', user: { token } }] })
    )
    const clients = await openClients(file)
    t.teardown(() => clients.close())
    return clients
  }
  const read = [
    { apiGroups: ['apps'], resources: ['deployments', 'replicasets'], verbs: ['get', 'list', 'watch'] },
    { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list'] }
  ]
  const result = rolloutUndo.plan(planInput(workload, { options: { provenFor: '0s' }, now: Date.now() }))
  if (result.kind !== 'plan') throw new Error(result.refusal.detail)

  const reader = await as('reader', read)
  t.equal((await reader.cluster.read(ref, soon())).kind, 'found')
  t.match(await reader.cluster.write(result.plan, { intent: 'i', dryRun: true }, soon()), {
    kind: 'forbidden',
    detail: /cannot patch resource "deployments"/
  })
  const nobody = await as('nobody', [])
  t.match(await nobody.cluster.read(ref, soon()), { kind: 'forbidden', detail: /cannot get resource "deployments"/ })
  // What docs/install.md lists is enough.
  const astern = await as('astern', [...read, { apiGroups: ['apps'], resources: ['deployments'], verbs: ['patch'] }])
  t.equal((await astern.cluster.write(result.plan, { intent: 'i', dryRun: false }, soon())).kind, 'applied')
})
