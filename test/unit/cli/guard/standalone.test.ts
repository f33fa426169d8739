import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { VOCABULARY } from '../../../../src/app/vocabulary.ts'
import { deployment } from '../../../../src/cli/demo-story.ts'
import { openJobChannel } from '../../../../src/cli/guard/job-channel.ts'
import { standalonePolicies } from '../../../../src/cli/guard/standalone-policies.ts'
import { loadPolicies } from '../../../../src/policies/load.ts'
import { startSandbox } from '../../../../src/sandbox/sandbox.ts'
import { astern, guardFolder } from '../../../support/guard-cli.ts'

const DEPLOYMENTS = '/apis/apps/v1/namespaces/shop/deployments'

/** A small cluster with one Deployment, and a command that guards it without a server. */
async function alone(t: Test) {
  const sandbox = await startSandbox()
  t.teardown(() => sandbox.close())
  const body = JSON.stringify(deployment('shop', 'registry.example/api:1'))
  await fetch(`${sandbox.url}${DEPLOYMENTS}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
  const cwd = guardFolder(t)
  mkdirSync(join(cwd, 'tmp'))
  writeFileSync(join(cwd, 'kubeconfig'), sandbox.kubeconfig)
  const bare = (...args: readonly string[]) =>
    astern(t, ['guard', '-n', 'shop', '--kubeconfig', 'kubeconfig', ...args], { cwd, env: { TMPDIR: join(cwd, 'tmp') } })
  return {
    sandbox,
    left: () => readdirSync(join(cwd, 'tmp')),
    write: (file: string, text: string) => writeFileSync(join(cwd, file), text),
    bare,
    guard: (...args: readonly string[]) => bare('--prometheus', 'http://127.0.0.1:9', ...args)
  }
}

t.test('without a server: the same guard in this process, which says what ends with it, and leaves nothing behind', async t => {
  const { guard, left, sandbox } = await alone(t)
  const command = guard('deploy/checkout', '--timeout', '25s', '--for', '1s', '--pods', 'off')
  t.equal(await command.ended, 3, command.out() + command.err())
  t.match(command.out(), /alone +without a server: its ledger, budgets and memory of bad versions end with this process/)
  t.match(command.out(), /entry +astern-guard of guards:, mode auto/)
  t.match(command.out(), /version +revision 1 \(registry\.example\/api:1\)/)
  t.match(command.out(), /INCONCLUSIVE \(exit 3\): /)
  t.notMatch(command.out(), /http:\/\/127\.0\.0\.1:\d+\/api/, 'no link to a server that is gone')
  const again = guard('deploy/checkout', '--timeout', '2s')
  t.equal(await again.ended, 0)
  t.match(again.out(), /UNCHANGED \(exit 0\): revision 1 runs since/)
  t.same(left(), [])
  t.same(
    sandbox.writes().filter(({ path }) => path.includes('/deployments/')),
    [],
    'nothing was written'
  )
})

t.test('a signal: nothing new is written, nothing watches any more, and the folder is gone', async t => {
  const { guard, left } = await alone(t)
  const command = guard('deploy/checkout')
  await command.until(/version +revision 1/)
  command.child.kill('SIGINT')
  t.equal(await command.ended, 130, command.out() + command.err())
  t.match(command.out(), /INTERRUPTED \(exit 130\): nothing new is written, .* nothing watches the rollout any more/)
  t.same(left(), [])
})

t.test('what is not there, and a cluster that is no cluster: 2, and the folder is gone', async t => {
  const { guard, left } = await alone(t)
  const missing = guard('deploy/none')
  t.equal(await missing.ended, 2, missing.out() + missing.err())
  t.match(missing.err(), /none/)
  const context = guard('deploy/checkout', '--context', 'nowhere')
  t.equal(await context.ended, 2)
  t.match(context.err(), /nowhere/)
  t.same(left(), [])
})

/** A server’s file: its channels, people and policies are no business of a CI job. */
const SERVERS = `version: 1
sources: { prometheus: { url: "http://127.0.0.1:9", bearerTokenFile: token } }
channels: { chat: { slack: { tokenFile: /not/here, channel: "#c", answers: { appTokenFile: /not/here } } } }
heartbeat: { urlFile: /not/here }
defaults: { escalate: { to: [chat] }, guards: { budgets: [{ limit: 1, per: 1h, scope: global }] } }
guards:
  - name: shop
    namespaces: [shop]
    mode: dry-run
    bounds: { tolerate: x1.5 }
    metrics:
      envoy: { cluster: shop }
      queue-lag: { where: ['queue="orders"'] }
    escalate: { to: [chat], after: 5m }
policies: []
`

t.test('with a policy file it goes by the guards, the source and the defaults of that file, and by nothing else of it', async t => {
  const { bare, guard, left, write } = await alone(t)
  write('token', 's3cret')
  write('policies.yaml', SERVERS)
  const command = bare('deploy/checkout', '--policies', 'policies.yaml')
  await command.until(/entry +shop of guards:, mode dry-run/)
  command.child.kill('SIGINT')
  t.equal(await command.ended, 130)
  const wide = bare('deploy/checkout', '--policies', 'policies.yaml', '--tolerate', 'x3')
  t.equal(await wide.ended, 2, 'its bounds hold')
  t.match(wide.err(), /x1\.5/)
  const both = guard('deploy/checkout', '--policies', 'policies.yaml')
  t.equal(await both.ended, 2)
  t.match(both.err(), /--prometheus names a source, and so does policies\.yaml: choose/)
  write('bad.yaml', SERVERS.replace('mode: dry-run', 'mode: sometimes'))
  const bad = bare('deploy/checkout', '--policies', 'bad.yaml')
  t.equal(await bad.ended, 2)
  t.match(bad.out() + bad.err(), /bad\.yaml:9:.*mode/)
  const missing = bare('deploy/checkout', '--policies', 'none.yaml')
  t.equal(await missing.ended, 2)
  t.match(missing.err(), /none\.yaml/)
  t.same(left(), [])
})

t.test('its policy file loads as it is, with Prometheus and without, and people are told in the job’s log', async t => {
  const heard: string[] = []
  const channel = await openJobChannel(text => heard.push(text))
  t.teardown(() => channel.close())
  for (const prometheus of ['http://prometheus:9090', undefined])
    for (const mode of ['auto', 'dry-run'] as const) {
      const text = standalonePolicies({ namespace: 'shop', mode, prometheus, told: channel.url })
      const loaded = loadPolicies([{ file: 'policies.yaml', text }], VOCABULARY)
      t.equal(loaded.kind, 'loaded', JSON.stringify(loaded.kind === 'bad' ? loaded.problems : []))
      t.match(loaded.kind === 'loaded' ? loaded.set.guards : [], [{ name: 'astern-guard', mode, escalate: { to: ['job'] } }])
    }
  const post = (path: string, body: string): Promise<Response> => fetch(new URL(path, channel.url), { method: 'POST', body })
  t.equal((await post(channel.url, '{"title":"Deployment/shop/api: budget-used-up","text":"A budget is used up.\\nmore"}')).status, 204)
  t.equal((await post('/guessed', '{"title":"x"}')).status, 404)
  t.same(heard, ['Deployment/shop/api: budget-used-up: A budget is used up.'])
})
