import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { at, listAt, objectAt, textAt } from '../../src/base/json.ts'
import { obtainPart, PROMTOOL } from '../../src/sandbox/real-parts.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import { startControlPlane } from '../support/cluster/control-plane.ts'
import { HELMS, obtainModuleFiles, PROMETHEUS_OPERATOR_CRDS } from '../support/cluster/go-build.ts'
import { manifests, openHelm } from '../support/cluster/helm.ts'
import { ok, openClients, statusOf } from '../support/conformance/clients.ts'

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
  targets: { deployments: true, statefulSets: true, daemonSets: true, rollouts: true },
  actions: {
    rolloutUndo: true,
    rolloutRestart: true,
    rolloutAbort: true,
    helmRollback: true,
    scale: true,
    deletePod: true,
    gitopsSuspend: true,
    circuitBreakerReset: true,
    http: true
  },
  scale: { autoscalers: true, workloads: true, nodes: true },
  goingBack: { secrets: true, classes: true },
  guards: { podPorts: [9102, 8080], podsProxy: true },
  helmRollback: { rules: [{ apiGroups: ['apps'], resources: ['deployments'], verbs: ['get', 'patch'] }] },
  gitops: { argocd: { enabled: true, namespace: 'argocd' }, flux: { enabled: true, namespaces: ['flux-system'] } },
  prometheusUrl: 'http://prometheus.monitoring:9090',
  secretMounts: [{ name: 'channels', mountPath: '/etc/astern/channels' }],
  serviceMonitor: { enabled: true, tlsConfig: { insecureSkipVerify: true } },
  prometheusRule: { enabled: true, labels: { release: 'prometheus' } },
  podCidrs: ['10.244.0.0/16', 'fd12::/48'],
  networkPolicy: {
    dns: { to: [{ ipBlock: { cidr: '169.254.20.10/32' } }], ports: [53, 5353] },
    actionPorts: [8081],
    ingressFrom: [{ namespaceSelector: { matchLabels: { name: 'monitoring' } } }]
  },
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
const admin = await openClients(plane.kubeconfig)
t.teardown(async () => {
  admin.close()
  await plane.stop()
})
const kubectl = async (...args: readonly string[]): Promise<string> =>
  (await run('kubectl', ['--kubeconfig', plane.kubeconfig, ...args], { maxBuffer: 16 * 1024 * 1024 })).stdout
for (const file of await obtainModuleFiles(PROMETHEUS_OPERATOR_CRDS)) await kubectl('create', '-f', file)
for (const name of ['shop', 'ops', 'cluster-wide', 'argocd', 'flux-system'])
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
    t.match(await render(...REQUIRED), /port: 53, protocol: TCP \}\n +to:\n +- namespaceSelector:\n[\s\S]*k8s-app: kube-dns/)
    t.match(await render(...everything), /port: 5353, protocol: TCP \}\n +to:\n +- ipBlock:\n +cidr: 169\.254\.20\.10\/32\n/)
    t.match(await render(...everything), /ASTERN_POD_CIDRS, value: "10\.244\.0\.0\/16,fd12::\/48"/)
    t.match(await render(...REQUIRED), /ASTERN_OWN_HOSTS, value: "astern\.[a-z-]+\.svc"/)
    await t.rejects(
      render(...REQUIRED, '--set-json', 'networkPolicy.dns.to=[]'),
      { message: /dns/ },
      'an empty list would be every address'
    )
    await t.rejects(render(...REQUIRED, '--set', 'podCidrs={10.0.0.0}'), { message: /podCidrs/ })
    await t.rejects(render(...REQUIRED, '--set', 'mode=fast'), { message: /mode/ })
    await t.rejects(render(...REQUIRED, '--set', 'replicas=2'), { message: /replicas/ })
    await t.rejects(render(...REQUIRED, '--set', 'rbac.namespaces={team-*}'), { message: /namespaces/ }, 'a Role has no globs')
  })

  await t.test(`helm ${program.version}: the API server takes every object as it is rendered`, async t => {
    const helm = await openHelm(t, program, plane.kubeconfig)
    const cases = {
      required: REQUIRED,
      everything,
      cluster: [...REQUIRED, '--set', 'rbac.scope=cluster'],
      wide: [...everything, '--set', 'rbac.scope=cluster']
    }
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

await t.test('Astern’s own alerts: each fires when it should, on metrics that there are, by the real promtool', async t => {
  const [program] = HELMS
  if (program === undefined) throw new Error('no helm')
  const helm = await openHelm(t, program, plane.kubeconfig)
  const rule = manifests(await helm('template', 'astern', CHART, '--kube-version', '1.36.3', '-n', 'ops', ...everything)).find(
    object => object['kind'] === 'PrometheusRule'
  )
  const groups = listAt(rule, 'spec', 'groups')
  const rules = listAt(groups[0], 'rules')
  const known = new Set((await createMetrics(['rollout-undo']).registry.getMetricsAsJSON()).map(metric => metric.name))
  for (const one of rules)
    for (const [name] of (textAt(one, 'expr') ?? '').matchAll(/astern_[a-z_]+/g)) t.ok(known.has(name), `${name} is a metric of Astern`)

  const of = 'job="astern", namespace="ops", instance="a"'
  const quiet = {
    [`up{${of}}`]: '1x40',
    [`astern_deliveries_refused_total{${of}, why="unavailable"}`]: '0x40',
    [`astern_errors_total{${of}}`]: '0x40',
    [`astern_messages_undelivered{${of}}`]: '0x40',
    [`astern_messages_total{${of}, result="refused"}`]: '0x40',
    [`astern_switch_lowered{${of}}`]: '0x40',
    [`astern_source_up{${of}, source="prometheus"}`]: '1x40',
    [`astern_watches{${of}, kind="Deployment", state="watching"}`]: '1x40',
    [`astern_watches{${of}, kind="Deployment", state="forbidden"}`]: '0x40',
    [`astern_blind{${of}, kind="watchdog"}`]: '0x40',
    [`astern_heartbeats_total{${of}, result="withheld"}`]: '0x40',
    [`astern_policies_last_reload_successful{${of}}`]: '1x40'
  }
  // What happens to one series from the start, and which alert then fires after forty minutes; the others stay quiet.
  const troubles: Readonly<Record<string, readonly [string, string]>> = {
    AsternDown: [`up{${of}}`, '0x40'],
    AsternLedgerErrors: [`astern_deliveries_refused_total{${of}, why="unavailable"}`, '0+1x40'],
    AsternErrors: [`astern_errors_total{${of}}`, '0+1x40'],
    AsternCannotTellPeople: [`astern_messages_undelivered{${of}}`, '1x40'],
    AsternSwitchLowered: [`astern_switch_lowered{${of}}`, '1x40'],
    AsternSourceDown: [`astern_source_up{${of}, source="prometheus"}`, '0x40'],
    AsternBlind: [`astern_watches{${of}, kind="Deployment", state="forbidden"}`, '1x40'],
    AsternDeaf: [`astern_blind{${of}, kind="watchdog"}`, '1x40'],
    AsternHeartbeatStopped: [`astern_heartbeats_total{${of}, result="withheld"}`, '0+1x40'],
    AsternPoliciesNotInForce: [`astern_policies_last_reload_successful{${of}}`, '0x40']
  }
  const names = rules.map(one => textAt(one, 'alert') ?? '')
  t.same(Object.keys(troubles).sort(), [...names].sort(), 'every alert is tried')
  const input = (series: Readonly<Record<string, string>>) => Object.entries(series).map(([name, values]) => ({ series: name, values }))
  writeFileSync(join(folder, 'rules.json'), JSON.stringify({ groups }))
  const tests = [undefined, ...names].map(firing => {
    const trouble = troubles[firing ?? '']
    return {
      interval: '1m',
      input_series: input({ ...quiet, ...(trouble === undefined ? {} : { [trouble[0]]: trouble[1] }) }),
      // promtool compares labels and annotations as well: it is asked for the series ALERTS, which has no annotations.
      promql_expr_test: names.map(name => ({
        expr: `count(ALERTS{alertname="${name}", alertstate="firing"})`,
        eval_time: '40m',
        exp_samples: name === firing ? [{ labels: '{}', value: 1 }] : []
      }))
    }
  })
  writeFileSync(join(folder, 'rules-test.json'), JSON.stringify({ rule_files: ['rules.json'], evaluation_interval: '1m', tests }))
  const [promtool] = await obtainPart(PROMTOOL, { variables: process.env })
  t.match((await run(promtool, ['check', 'rules', join(folder, 'rules.json')])).stdout, new RegExp(`SUCCESS: ${rules.length} rules`))
  t.match((await run(promtool, ['test', 'rules', join(folder, 'rules-test.json')])).stdout, /SUCCESS/)
})

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
    const settings = new Map(listAt(spec, 'containers', 0, 'env').map(one => [textAt(one, 'name'), textAt(one, 'value')]))
    t.same([settings.get('ASTERN_ARGOCD_NAMESPACE'), settings.get('ASTERN_FLUX_NAMESPACES')], ['argocd', 'flux-system'])
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
