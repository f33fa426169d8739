import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { VOCABULARY } from '../../src/app/vocabulary.ts'
import { tryQueriesAt } from '../../src/cli/try-queries.ts'
import { loadPolicyPath } from '../../src/policies/store.ts'
import { startPrometheus } from '../../src/sandbox/monitoring.ts'
import { obtainPart, PROMETHEUS } from '../../src/sandbox/real-parts.ts'
import { waitUntil } from '../support/world/world.ts'

const policy = (name: string, promql: string, more: object = {}, policyMore: object = {}) => ({
  name,
  match: ['alertname="A"'],
  target: { kind: 'Deployment', namespace: '{{ labels.namespace }}', name: 'api' },
  verify: [{ promql, failWhen: '> 5', window: '5m', ...more }],
  steps: [{ action: 'rollout-restart' }],
  ...policyMore
})

t.test('every query of a policy is tried on a real Prometheus, before an alert needs it', async t => {
  const exporter = http.createServer((_request, response) => {
    const lines = ['shop', 'team-a'].map(ns => `requests_total{ns="${ns}"} 7\nqueue_depth{ns="${ns}"} 3`)
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' }).end(`${lines.join('\n')}\n`)
  })
  exporter.listen(0, '127.0.0.1')
  await once(exporter, 'listening')
  const folder = t.testdir({})
  const server = await startPrometheus({
    program: await obtainPart(PROMETHEUS, { variables: process.env }),
    folder: join(folder, 'prometheus'),
    targets: [`127.0.0.1:${(exporter.address() as AddressInfo).port}`],
    groups: [],
    alertmanagers: []
  })
  t.teardown(async () => {
    await server.stop()
    exporter.close()
    exporter.closeAllConnections()
  })
  const file = join(folder, 'p.yaml')
  // What is of the wrong type is not even loaded.
  for (const promql of ['queue_depth[5m]', 'sum(rate(queue_depth))']) {
    writeFileSync(
      file,
      JSON.stringify({ version: 1, sources: { prometheus: { url: 'http://127.0.0.1:1' } }, policies: [policy('type', promql)] })
    )
    t.match(await loadPolicyPath(file, VOCABULARY), { kind: 'bad', problems: [{ message: /gives no number|takes a range/ }] }, promql)
  }
  const policies = [
    policy('good', 'sum(queue_depth{ns="{{ labels.namespace }}"})'),
    policy('matched', 'sum(queue_depth{ns="{{ labels.ns }}"})', {}, { match: ['alertname="A"', 'ns="shop"'] }),
    policy('target', 'sum(queue_depth{ns="{{ target.namespace }}"})'),
    policy('many', 'queue_depth{ns="{{ labels.namespace }}"}'),
    policy('nothing', 'sum(queue_dept{ns="{{ labels.namespace }}"})'),
    policy('matching', 'queue_depth + on() requests_total'),
    // Refused with data and without: while a command below runs, nothing is scraped.
    policy('regex', 'label_replace(sum(queue_depth), "a", "$1", "b", "(")'),
    policy('traffic', 'sum(queue_depth)', { traffic: { promql: 'requests_total', atLeast: 1 } }),
    policy(
      'condition',
      'sum(queue_depth)',
      {},
      { steps: [{ action: 'rollout-restart', when: { queries: [{ promql: 'requests_totl', holdsWhen: '> 1' }] } }] }
    )
  ]
  writeFileSync(file, JSON.stringify({ version: 1, sources: { prometheus: { url: 'http://127.0.0.1:1' } }, policies }))
  const loaded = await loadPolicyPath(file, VOCABULARY)
  if (loaded.kind === 'bad') throw new Error(JSON.stringify(loaded.problems))
  const tried = (labels: Readonly<Record<string, string>>) => tryQueriesAt(server.url, loaded.set, labels)
  await waitUntil(async () => (await tried({})).some(finding => /: 6 now/.test(finding.detail)), 'there are samples')

  const byPolicy = async (labels: Readonly<Record<string, string>>) => Map.groupBy(await tried(labels), finding => finding.policy)
  const open = await byPolicy({})
  t.match(open.get('good'), [{ state: 'ok', detail: /any labels\.namespace\): 6 now, would fail/ }])
  t.match(open.get('matched'), [{ state: 'ok', detail: /: 3 now, would pass/ }], 'the matchers say what a label is')
  t.match(open.get('target'), [{ state: 'ok', detail: /any target\.namespace\)/ }])
  t.match(open.get('many'), [{ state: 'warning', detail: /2 series/, todo: /--label namespace=…/ }])
  t.match(open.get('nothing'), [{ state: 'warning', detail: /no data now/ }])
  // What only the source can tell: types are told when the file is loaded.
  t.match(open.get('matching'), [{ state: 'bad', detail: /match/ }])
  t.match(open.get('traffic'), [{ state: 'ok' }, { state: 'bad', query: 'query 1, traffic', detail: /2 series/ }])
  t.match(open.get('condition'), [{ state: 'ok' }, { state: 'warning', query: /^steps\[0\], condition 1/, detail: /no data now/ }])

  const filled = await byPolicy({ namespace: 'shop' })
  for (const name of ['good', 'target', 'many']) t.match(filled.get(name), [{ state: 'ok', detail: /: 3 now, would pass/ }], name)
  t.match(filled.get('good'), [{ promql: 'sum(queue_depth{ns="shop"})' }])

  // Not at once: the exporter is in this process, and what is not scraped is stale.
  const astern = (...args: readonly string[]): Promise<{ readonly status: unknown; readonly stdout: string; readonly stderr: string }> =>
    new Promise(resolve =>
      execFile(
        process.execPath,
        ['src/main.ts', 'validate', file, ...args],
        { env: { ...process.env, NO_COLOR: '1' } },
        (error, stdout, stderr) => resolve({ status: error?.code ?? 0, stdout, stderr })
      )
    )
  const bad = await astern('--prometheus', server.url, '--json')
  t.equal(bad.status, 1)
  t.match(JSON.parse(bad.stdout), { valid: false, problems: [] })
  t.match(await astern('--prometheus', server.url), { status: 1, stdout: /✗ query of matching .*match(.|\n)*→ mend the query/ })
  t.match(await astern('--prometheus', 'http://127.0.0.1:1'), { status: 4, stdout: /more were not asked/ })
  t.match(await astern('--label', 'namespace=shop'), { status: 2, stderr: /--label goes with --prometheus/ })
  t.match(await astern('--prometheus', 'localhost'), { status: 2, stderr: /is not a URL/ })
  t.match(await astern('--prometheus', server.url, '--label', 'x'), { status: 2, stderr: /must be label=value/ })
})
