import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { readConfig } from '../../src/config.ts'
import { examine } from '../../src/doctor/doctor.ts'
import type { Finding } from '../../src/doctor/finding.ts'
import { startPrometheus } from '../../src/sandbox/monitoring.ts'
import { obtainPart, PROMETHEUS } from '../../src/sandbox/real-parts.ts'
import { startSandbox } from '../../src/sandbox/sandbox.ts'
import { KUBECONFIG } from '../support/server-fixture.ts'

const rule = { alert: 'ApiHighErrorRate', expr: 'vector(1) > 0', for: '1h', labels: {} }

async function findings(flags: Parameters<typeof readConfig>[0], sendTest = false): Promise<readonly Finding[]> {
  const found: Finding[] = []
  for await (const finding of examine(readConfig(flags, {}), { sendTest })) found.push(finding)
  return found
}

function folderOf(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'astern-doctor-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

function policiesFile(folder: string, prometheus: string, channel: string, alert = 'ApiHighErrorRate'): string {
  const file = join(folder, 'policies.yaml')
  const policies = {
    version: 1,
    sources: { prometheus: { url: prometheus }, alertmanager: { url: 'http://127.0.0.1:1' } },
    channels: { people: { webhook: { url: channel } }, spare: { webhook: { url: channel } } },
    policies: [
      {
        name: 'undo',
        match: [`alertname="${alert}"`],
        target: { kind: 'Deployment', namespace: 'shop', name: 'api' },
        mode: 'auto',
        verify: [{ promql: 'sum(rate(x[5m]))', failWhen: '> 1', samples: 1 }],
        steps: [{ action: 'rollout-undo' }],
        guards: { namespaces: ['shop'] },
        escalate: { to: ['people'] }
      }
    ]
  }
  writeFileSync(file, JSON.stringify(policies))
  return file
}

t.test('doctor looks at all that serve would need, and says what to do', async t => {
  const folder = folderOf(t)
  const received: string[] = []
  const people = http.createServer((request, response) => {
    request.on('data', (chunk: Buffer) => received.push(chunk.toString()))
    request.on('end', () => response.end())
  })
  await new Promise<void>(resolve => people.listen(0, '127.0.0.1', resolve))
  const channel = `http://127.0.0.1:${(people.address() as AddressInfo).port}/`
  const sandbox = await startSandbox()
  const prometheus = await startPrometheus({
    program: await obtainPart(PROMETHEUS, { variables: process.env }),
    folder: join(folder, 'prometheus'),
    targets: [],
    groups: [{ name: 'g', rules: [rule] }],
    alertmanagers: []
  })
  t.teardown(async () => {
    await prometheus.stop()
    await sandbox.close()
    people.close()
  })
  const kubeconfig = join(folder, 'kubeconfig')
  writeFileSync(kubeconfig, sandbox.kubeconfig)
  const dataDir = join(folder, 'new', 'data')

  const seen = await findings({ policies: policiesFile(folder, prometheus.url, channel), kubeconfig, dataDir })
  const of = (check: string): Finding | undefined => seen.find(finding => finding.check === check)
  t.match(of('who may call'), { state: 'ok', detail: /127\.0\.0\.1:8080.*at most dry-run/ })
  t.match(of('data folder'), { state: 'ok', detail: /can be made/ })
  t.match(of('policies'), { state: 'ok', detail: /1 auto/ })
  t.match(of('cluster'), { state: 'ok', detail: /sandbox/ })
  t.match(of('clock of cluster'), { state: 'ok' })
  const rightsOf = (list: readonly Finding[]) => list.filter(finding => finding.check === 'rights in shop').map(finding => finding.detail)
  t.match(rightsOf(seen), [/^get deployments\.apps, .*list pods$/, /^patch deployments\.apps$/], 'dry runs write no Events')
  t.match(of('prometheus'), { state: 'ok' })
  t.match(of('clock of prometheus'), { state: 'ok' })
  t.match(of('rules API'), { state: 'ok', detail: /1 alerting rule/ })
  t.match(of('alertmanager'), { state: 'unreachable', todo: /source-unreachable/ })
  t.match(of('channel people'), { state: 'ok', detail: /--send-test/ })
  t.match(of('channel spare'), { state: 'warning', detail: /no policy escalates to it/ })
  t.same(received, [], 'nothing is sent unasked')

  const tokens = join(folder, 'tokens.yaml')
  writeFileSync(tokens, JSON.stringify({ tokens: [{ name: 'a', role: 'operator', sha256: '0'.repeat(64) }] }))
  const acting = await findings({ policies: policiesFile(folder, prometheus.url, channel), kubeconfig, dataDir, mode: 'auto', tokens })
  t.equal(
    rightsOf(acting)[2],
    'get configmaps, get persistentvolumeclaims, get serviceaccounts, get namespaces, list resourcequotas',
    'whether an older version could run today'
  )
  t.equal(rightsOf(acting)[3], 'create events.events.k8s.io')

  const again = await findings({ policies: policiesFile(folder, prometheus.url, channel, 'Typo'), kubeconfig, dataDir }, true)
  t.match(
    again.find(finding => finding.check === 'rules API'),
    { state: 'warning', detail: /undo waits for Typo/ }
  )
  t.equal(received.length, 1, 'only channels in use get the message')
  t.match(JSON.parse(received[0] ?? ''), { title: /test message of Astern/, severity: 'info' })
})

t.test('doctor: bad policies, a folder that cannot be written to, no kubeconfig, nothing there', async t => {
  const folder = folderOf(t)
  const bad = join(folder, 'bad.yaml')
  writeFileSync(bad, 'version: 1\npolicis: []\n')
  const file = join(folder, 'file')
  writeFileSync(file, '')
  const seen = await findings({ policies: bad, kubeconfig: join(folder, 'none'), dataDir: join(file, 'data') })
  t.match(
    seen.map(({ check, state }) => `${check}: ${state}`),
    ['who may call: ok', 'data folder: bad', 'policies: bad', 'policies: bad', 'cluster: bad']
  )
  t.ok(seen.every(finding => finding.state === 'ok' || (finding.todo ?? '') !== ''))
  const missing = await findings({ policies: join(folder, 'nowhere.yaml'), kubeconfig: bad, dataDir: folder })
  t.match(missing.find(finding => finding.check === 'policies')?.detail, /there is no .*nowhere\.yaml/)

  const kubeconfig = join(folder, 'kubeconfig')
  writeFileSync(kubeconfig, JSON.stringify(KUBECONFIG))
  const away = await findings(
    { policies: policiesFile(folder, 'http://127.0.0.1:1', 'http://127.0.0.1:1'), kubeconfig, dataDir: folder },
    true
  )
  for (const check of ['cluster', 'prometheus', 'alertmanager', 'channel people'])
    t.match(away.find(finding => finding.check === check)?.state, 'unreachable', check)
  t.notOk(
    away.some(finding => finding.check.startsWith('rights')),
    'rights are not asked of a cluster that is away'
  )
})
