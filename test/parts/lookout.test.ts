import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { startApp } from '../../src/app/app.ts'
import { isObject, listAt, textAt } from '../../src/base/json.ts'
import { readConfig } from '../../src/config.ts'
import { startAlertmanager, startPrometheus } from '../../src/sandbox/monitoring.ts'
import { freePort } from '../../src/sandbox/processes.ts'
import { ALERTMANAGER, obtainPart, PROMETHEUS } from '../../src/sandbox/real-parts.ts'
import { KUBECONFIG } from '../support/server-fixture.ts'
import { waitUntil } from '../support/world/world.ts'

/** Longer than all that the story waits for on a slow machine, milliseconds. */
const PATIENCE_MS = 120_000

t.test(
  'the Watchdog’s route is taken away from a real Alertmanager: people are told, and told again when it is back',
  {
    timeout: 600_000
  },
  async t => {
    // Given a channel that keeps what people are told.
    const told: Record<string, unknown>[] = []
    const channel = http.createServer((request, response) => {
      let text = ''
      request.on('data', (chunk: Buffer) => {
        text += chunk.toString()
      })
      request.on('end', () => {
        const message: unknown = JSON.parse(text)
        if (isObject(message)) told.push(message)
        response.writeHead(204).end()
      })
    })
    channel.listen(0, '127.0.0.1')
    await once(channel, 'listening')
    const address = channel.address()
    const folder = mkdtempSync(join(tmpdir(), 'astern-lookout-'))
    const alertmanagerPort = await freePort()

    // And a real Prometheus with a Watchdog, an alert that a policy waits for, and a real Alertmanager.
    const prometheus = await startPrometheus({
      program: await obtainPart(PROMETHEUS, { variables: process.env }),
      folder: join(folder, 'prometheus'),
      targets: [],
      groups: [
        { name: 'general', rules: [{ alert: 'Watchdog', expr: 'vector(1)', labels: { severity: 'none' } }] },
        { name: 'shop', rules: [{ alert: 'HighErrorRatio', expr: 'vector(1) > 2' }] }
      ],
      alertmanagers: [`127.0.0.1:${alertmanagerPort}`]
    })
    const alertmanagerUrl = `http://127.0.0.1:${alertmanagerPort}`
    const file = (name: string, value: unknown): string => {
      writeFileSync(join(folder, name), JSON.stringify(value))
      return join(folder, name)
    }
    const policies = {
      version: 1,
      sources: { prometheus: { url: prometheus.url }, alertmanager: { url: alertmanagerUrl } },
      channels: { people: { webhook: { url: `http://127.0.0.1:${address === null || typeof address === 'string' ? 0 : address.port}` } } },
      blind: { to: ['people'], watchdog: { within: '10s' }, deliveries: { receiver: 'astern' } },
      policies: [
        {
          name: 'undo',
          match: ['alertname="HighErrorRatio"'],
          target: { kind: 'Deployment', namespace: 'shop', name: 'api' },
          verify: [{ promql: 'sum(rate(x[5m]))', failWhen: '> 1' }],
          steps: [{ action: 'rollout-undo' }]
        }
      ]
    }
    const app = await startApp(
      readConfig(
        {
          policies: file('policies.yaml', policies),
          kubeconfig: file('kubeconfig', KUBECONFIG),
          dataDir: join(folder, 'data'),
          listen: '127.0.0.1:0'
        },
        {}
      ),
      { output: { write: () => {} } }
    )
    const program = await obtainPart(ALERTMANAGER, { variables: process.env })
    const webhook = `${app.address}/webhooks/alertmanager`
    const alertmanager = await startAlertmanager({ program, folder: join(folder, 'alertmanager'), webhook, port: alertmanagerPort })
    t.teardown(async () => {
      await alertmanager.stop()
      await prometheus.stop()
      await app.stop()
      channel.close()
      channel.closeAllConnections()
      rmSync(folder, { recursive: true, force: true })
    })
    /** Alertmanager reads another configuration: what fires is said again every two seconds, and the Watchdog perhaps to nobody. */
    const route = async (watchdogTo: 'astern' | 'nobody'): Promise<void> => {
      const timing = { group_wait: '1s', group_interval: '1s', repeat_interval: '2s' }
      const routes = [{ matchers: ['alertname="Watchdog"'], receiver: watchdogTo }]
      const receivers = [{ name: 'astern', webhook_configs: [{ url: webhook, send_resolved: true }] }, { name: 'nobody' }]
      file('alertmanager/alertmanager.yml', { route: { receiver: 'astern', ...timing, routes }, receivers })
      const answer = await fetch(`${alertmanagerUrl}/-/reload`, { method: 'POST' })
      if (!answer.ok) throw new Error(`the reload answered ${answer.status}: ${await answer.text()}`)
    }
    const sights = async (): Promise<Readonly<Record<string, string>>> => {
      const status: unknown = await (await fetch(`${app.address}/api/v1/status`)).json()
      return Object.fromEntries(listAt(status, 'sight').map(sight => [textAt(sight, 'kind') ?? '', textAt(sight, 'state') ?? '']))
    }

    // Then it is heard, the rules are evaluated, and what Alertmanager holds has come.
    await route('astern')
    await waitUntil(async () => (await sights())['watchdog'] === 'sees', 'the Watchdog is heard', PATIENCE_MS)
    await waitUntil(async () => (await sights())['rules'] === 'sees', 'Prometheus evaluates its rules', PATIENCE_MS)
    t.match(await sights(), { deliveries: 'sees' })
    t.same(
      told.filter(message => message['event'] !== 'over'),
      [],
      'nobody is told anything'
    )
    t.same((await (await fetch(`${app.address}/api/v1/runs`)).json()) as unknown, { items: [] })

    // When its route is taken away.
    await route('nobody')
    await waitUntil(() => told.some(message => message['event'] === 'needs-people'), 'people are told', PATIENCE_MS)
    t.match(told.at(-1), { title: 'Astern is blind: the Watchdog alert is not heard', subject: { kind: 'blind' }, severity: 'critical' })
    t.match(await (await fetch(`${app.address}/metrics`)).text(), /astern_blind\{kind="watchdog"\} 1\n/)

    // When it is back.
    await route('astern')
    await waitUntil(() => told.some(message => message['event'] === 'over'), 'people are told that it is over', PATIENCE_MS)
    t.same(
      told.map(message => message['event']).filter(event => event !== 'update'),
      ['needs-people', 'over'],
      'each of them once'
    )
    t.same(told.at(-1)?.['subject'], told[0]?.['subject'], 'as one affair')
  }
)
