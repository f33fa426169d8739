import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Test } from 'tap'
import { listAt, textAt } from '../../src/base/json.ts'
import { objectPath } from '../../src/domain/objects.ts'
import { ok } from '../support/conformance/clients.ts'
import { storyPolicy } from '../support/world/story-policy.ts'
import { openWorld } from '../support/world/world.ts'
import { type ReleaseSite, writeChart } from './release-stories.ts'

/** Both versions serve for two minutes, because each new pod must be Ready for one. */
const STRETCHED_SECONDS = 60

/** 15, a Helm release: a bad upgrade is rolled back by helm, by one write, and the job ends with 1. */
export async function guardedRelease(t: Test, site: ReleaseSite, namespace: string): Promise<void> {
  // Given a release whose guards may go back by helm, and a job that upgrades it.
  const world = await openWorld(t, site, namespace, {
    policies: [storyPolicy(namespace, { mode: 'dry-run', match: ['alertname="NobodyFiresThis"'] })],
    guards: [
      {
        name: 'deploys',
        mode: 'auto',
        namespaces: [namespace],
        steps: [{ action: 'helm-rollback', with: { provenFor: '0s', timeout: '3m' }, confirm: { within: '4m', passes: 3, every: '5s' } }],
        escalate: { after: '6m', to: ['people'] }
      }
    ]
  })
  // Straight to the API server: helm gives its token to nobody without TLS.
  Object.assign(world.flags, { helm: site.program, kubeconfig: site.kubeconfig })
  const chart = writeChart(t)
  await site.helm('install', 'api', chart, '-n', namespace, '--wait')
  ok(await world.clients.kube.jsonPatch(objectPath(world.target), [{ op: 'add', path: '/spec/minReadySeconds', value: STRETCHED_SECONDS }]))
  await world.astern()
  await site.helm('upgrade', 'api', chart, '-n', namespace, '--set', 'image=app:v2-err40,level=bad')

  // When the job waits for its guard.
  const server = ['--server', `http://${world.flags.listen ?? ''}`, '--token-file', world.operatorTokenFile]
  const job = spawn(
    process.execPath,
    ['src/main.ts', 'guard', 'deploy/api', '-n', namespace, '--image', 'app:v2-err40', '--for', '45s', '--timeout', '4m', ...server],
    { stdio: ['ignore', 'pipe', 'pipe'] }
  )
  t.teardown(() => job.kill('SIGKILL'))
  let log = ''
  for (const stream of [job.stdout, job.stderr]) stream.on('data', (chunk: Buffer) => (log += chunk.toString()))
  const [code] = await once(job, 'exit')

  // Then helm itself went back, with all that the release has, and the log said at the start what that means.
  t.equal(code, 1, log)
  t.match(log, new RegExp(`Helm release ${namespace}/api has Deployment/${namespace}/api: helm-rollback takes the whole release back`))
  t.match(log, /ROLLED BACK/)
  const rows = listAt((await world.api('GET', '/api/v1/audit?limit=999')).body, 'items')
  t.equal(rows.filter(row => textAt(row, 'kind') === 'write').length, 1, 'one write')
  const target = await world.clients.kube.get(objectPath(world.target))
  t.equal(target.kind === 'ok' ? textAt(target.object, 'spec', 'template', 'spec', 'containers', 0, 'image') : target.kind, 'app:v1')
  const config = await world.clients.kube.get(`/api/v1/namespaces/${namespace}/configmaps/api`)
  t.equal(config.kind === 'ok' ? textAt(config.object, 'data', 'level') : config.kind, 'good')
  const history: unknown = JSON.parse(await site.helm('history', 'api', '-n', namespace, '-o', 'json'))
  t.match(history, [{ revision: 1 }, { revision: 2 }, { revision: 3, status: 'deployed', description: /Rollback to 1/ }])
  t.comment(log)
}
