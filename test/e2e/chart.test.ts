import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { at, listAt, objectAt, textAt } from '../../src/domain/json.ts'
import { startControlPlane } from '../cluster/control-plane.ts'
import { HELMS, obtainModuleFiles, PROMETHEUS_OPERATOR_CRDS } from '../cluster/go-build.ts'
import { manifests, openHelm } from '../cluster/helm.ts'
import { ok, openClients, statusOf } from '../conformance/clients.ts'

const run = promisify(execFile)
const CHART = join(process.cwd(), 'charts/astern')
const REQUIRED = ['--set', 'tokens.existingSecret=astern-tokens', '--set', 'rbac.namespaces={shop}']
/** Every optional part at once. */
const EVERYTHING = {
  mode: 'auto',
  image: { digest: `sha256:${'0'.repeat(64)}` },
  tokens: { existingSecret: 'astern-tokens' },
  tls: { existingSecret: 'astern-tls' },
  rbac: { namespaces: ['shop'] },
  prometheusUrl: 'http://prometheus.monitoring:9090',
  secretMounts: [{ name: 'channels', mountPath: '/etc/astern/channels' }],
  serviceMonitor: { enabled: true, tlsConfig: { insecureSkipVerify: true } },
  prometheusRule: { enabled: true, labels: { release: 'prometheus' } },
  networkPolicy: { ingressFrom: [{ namespaceSelector: { matchLabels: { name: 'monitoring' } } }] },
  persistence: { storageClass: 'fast' },
  podLabels: { team: 'sre' },
  podAnnotations: { note: 'x' },
  nodeSelector: { disk: 'ssd' },
  priorityClassName: 'system-cluster-critical'
}
const folder = mkdtempSync(join(tmpdir(), 'astern-chart-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))
const everything = ['--values', join(folder, 'everything.json')]
writeFileSync(join(folder, 'everything.json'), JSON.stringify(EVERYTHING))

const plane = await startControlPlane()
const admin = openClients(plane.kubeconfig)
t.teardown(async () => {
  admin.close()
  await plane.stop()
})
const kubectl = async (...args: readonly string[]): Promise<string> =>
  (await run('kubectl', ['--kubeconfig', plane.kubeconfig, ...args], { maxBuffer: 16 * 1024 * 1024 })).stdout
for (const file of await obtainModuleFiles(PROMETHEUS_OPERATOR_CRDS)) await kubectl('create', '-f', file)
for (const name of ['shop', 'ops', 'cluster-wide'])
  ok(await admin.kube.post('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } }))

// What is rendered without a namespace goes to the context's; the Roles name theirs.
await kubectl('config', 'set-context', 'ops', '--cluster=test', '--user=admin', '--namespace=ops')
// Pods are admitted only with a service account that is there, also in a dry run.
await kubectl('-n', 'ops', 'create', 'serviceaccount', 'astern')

for (const program of HELMS) {
  await t.test(`helm ${program.version}: lints, and refuses values that cannot work, in a sentence`, async t => {
    const helm = await openHelm(t, program, plane.kubeconfig)
    for (const values of [[], REQUIRED, everything])
      t.match(await helm('lint', CHART, ...values), /1 chart\(s\) linted, 0 chart\(s\) failed/)
    const render = (...values: readonly string[]) => helm('template', 'astern', CHART, '--kube-version', '1.36.3', ...values)
    await t.rejects(render(), { message: /(tokens\.existingSecret is needed|rbac\.namespaces is empty)/ })
    await t.rejects(render('--set', 'rbac.namespaces={shop}'), { message: /tokens\.existingSecret is needed.*astern token create/ })
    await t.rejects(render('--set', 'tokens.existingSecret=x'), { message: /rbac\.namespaces is empty/ })
    await t.rejects(render(...REQUIRED, '--set', 'mode=fast'), { message: /mode/ })
    await t.rejects(render(...REQUIRED, '--set', 'replicas=2'), { message: /replicas/ })
    await t.rejects(render(...REQUIRED, '--set', 'rbac.namespaces={team-*}'), { message: /namespaces/ }, 'a Role has no globs')
  })

  await t.test(`helm ${program.version}: the API server takes every object as it is rendered`, async t => {
    const helm = await openHelm(t, program, plane.kubeconfig)
    const cases = { required: REQUIRED, everything, cluster: [...REQUIRED, '--set', 'rbac.scope=cluster'] }
    for (const [name, values] of Object.entries(cases)) {
      const text = await helm('template', 'astern', CHART, '--kube-version', '1.36.3', '-n', 'ops', ...values)
      const file = join(folder, `${name}.yaml`)
      writeFileSync(file, text)
      // Strict: an unknown or doubled field is an error, not a warning.
      const said = await kubectl('--context', 'ops', 'apply', '--dry-run=server', '--validate=strict', '-f', file)
      t.equal(said.match(/\(server dry run\)/g)?.length, manifests(text).length, `${name}: every one of ${manifests(text).length}`)
    }
  })

  await t.test(`helm ${program.version}: install, test, upgrade, rollback, uninstall`, async t => {
    const helm = await openHelm(t, program, plane.kubeconfig)
    const release = `astern-${helm.major}`
    const rights = async () =>
      listAt(ok(await admin.kube.get(`/apis/rbac.authorization.k8s.io/v1/namespaces/shop/roles/ops-${release}`)), 'rules').flatMap(rule =>
        listAt(rule, 'verbs').map(verb => `${String(verb)} ${String(listAt(rule, 'resources')[0])}`)
      )
    // The volume that a cluster would make for the claim.
    ok(
      await admin.kube.post('/api/v1/persistentvolumes', {
        apiVersion: 'v1',
        kind: 'PersistentVolume',
        metadata: { name: release },
        spec: {
          capacity: { storage: '2Gi' },
          accessModes: ['ReadWriteOnce'],
          hostPath: { path: '/nowhere' },
          claimRef: { namespace: 'ops', name: release }
        }
      })
    )
    await helm('install', release, CHART, '-n', 'ops', ...REQUIRED, '--wait', '--timeout', '60s')
    t.notOk((await rights()).includes('patch deployments'), 'dry-run: nothing can be written')
    t.match(await helm('test', release, '-n', 'ops', '--timeout', '60s'), /Phase: +Succeeded/)
    await helm('upgrade', release, CHART, '-n', 'ops', ...REQUIRED, '--set', 'mode=auto', '--wait', '--timeout', '60s')
    t.ok((await rights()).includes('patch deployments'))
    const deployment = ok(await admin.kube.get(`/apis/apps/v1/namespaces/ops/deployments/${release}`))
    t.equal(at(deployment, 'spec', 'replicas'), 1)
    t.equal(at(deployment, 'spec', 'strategy', 'type'), 'Recreate', 'two on one ledger are never wanted')
    await helm('rollback', release, '1', '-n', 'ops', '--wait', '--timeout', '60s')
    t.notOk((await rights()).includes('patch deployments'))
    await helm('uninstall', release, '-n', 'ops', '--wait', '--timeout', '60s')
    t.equal(statusOf(await admin.kube.get(`/apis/apps/v1/namespaces/ops/deployments/${release}`)), 404)
    t.equal(
      textAt(ok(await admin.kube.get(`/api/v1/namespaces/ops/persistentvolumeclaims/${release}`)), 'metadata', 'name'),
      release,
      'the audit log outlives the release'
    )
    const budgets = ok(await admin.kube.get('/apis/policy/v1/namespaces/ops/poddisruptionbudgets'))
    t.same(listAt(budgets, 'items'), [], 'a budget of one replica could only block drains')
  })
}

await t.test('the pods: not root, no write outside the volume, no token that is not needed, settings that serve knows', async t => {
  const [, program] = HELMS
  if (program === undefined) throw new Error('no helm')
  const helm = await openHelm(t, program, plane.kubeconfig)
  const objects = manifests(await helm('template', 'astern', CHART, '--kube-version', '1.36.3', '-n', 'ops', ...everything))
  const server = objects.find(object => object['kind'] === 'Deployment')
  const test = objects.find(object => object['kind'] === 'Pod')
  const service = objects.find(object => object['kind'] === 'Service')
  for (const spec of [objectAt(server, 'spec', 'template', 'spec'), objectAt(test, 'spec')]) {
    t.match(spec['securityContext'], { runAsNonRoot: true, runAsUser: 65_532, seccompProfile: { type: 'RuntimeDefault' } })
    t.match(at(spec, 'containers', 0, 'securityContext'), {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] }
    })
    t.match(String(at(spec, 'containers', 0, 'image')), /^ghcr\.io\/astern\/astern:0\.1\.0@sha256:0{64}$/)
    const mounts = new Set(listAt(spec, 'containers', 0, 'volumeMounts').map(mount => textAt(mount, 'name')))
    t.same(new Set(listAt(spec, 'volumes').map(volume => textAt(volume, 'name'))), mounts, 'every volume is mounted')
  }
  const selector = objectAt(service, 'spec', 'selector')
  const testLabels = objectAt(test, 'metadata', 'labels')
  t.notOk(
    Object.entries(selector).every(([key, value]) => testLabels[key] === value),
    'the Service never sends alerts to the test pod'
  )
  t.equal(
    at(
      objects.find(object => object['kind'] === 'ServiceAccount'),
      'automountServiceAccountToken'
    ),
    false
  )
})
