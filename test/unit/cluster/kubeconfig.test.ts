import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import t, { type Test } from 'tap'
import { KubeconfigError } from '../../../src/cluster/access.ts'
import { connect } from '../../../src/cluster/connection.ts'

const TOKEN = 'eyJhbGciOiJSUzI1NiJ9.T0KEN-t0ken'

function folderOf(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'astern-kubeconfig-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

function config(user: unknown, server = 'https://127.0.0.1:1'): unknown {
  return {
    'current-context': 'c',
    clusters: [{ name: 'prod', cluster: { server } }],
    users: [{ name: 'u', user }],
    contexts: [{ name: 'c', context: { cluster: 'prod', user: 'u' } }]
  }
}

/** The error of whatever fails, with all that hangs on it. */
async function failure(run: () => Promise<unknown>): Promise<{ readonly message: string; readonly all: string }> {
  try {
    await run()
  } catch (cause) {
    if (!(cause instanceof KubeconfigError)) throw cause
    return { message: cause.message, all: inspect(cause, { depth: 10 }) }
  }
  throw new Error('nothing failed')
}

t.test('a kubeconfig that does not parse: the place, and nothing of what stands there', async t => {
  const file = join(folderOf(t), 'config')
  const head = 'apiVersion: v1\nusers:\n- name: u\n  user:\n'
  for (const [text, place] of [
    [`${head}    token: "${TOKEN}\n`, /not YAML at line \d+, column \d+/],
    [`${head}    token: *${TOKEN}\n`, /not YAML at line 5, column \d+/],
    [`${head}    token: ${TOKEN}\n   bad: [${TOKEN}\n`, /not YAML at line \d+, column \d+/],
    [`${head}    token: !${TOKEN} x\n`, /not YAML at line 5, column \d+/],
    [`${TOKEN}`, /no current context/],
    [`clusters:\n- name: ${TOKEN}\n`, /clusters\[0\]\.cluster is missing/],
    [`clusters: [{ name: a, cluster: { server: [${TOKEN}] } }]`, /it is not a kubeconfig/]
  ] as const) {
    writeFileSync(file, text)
    const { message, all } = await failure(() => connect({ kubeconfig: file }, Date.now))
    t.match(message, place)
    t.notMatch(all, /T0KEN/, text)
  }
})

t.test('of a credential plugin that fails nothing is told but that it failed', async t => {
  const folder = folderOf(t)
  const plugin = join(folder, 'plugin')
  const file = join(folder, 'config')
  writeFileSync(file, JSON.stringify(config({ exec: { apiVersion: 'client.authentication.k8s.io/v1', command: plugin } })))
  for (const [script, told] of [
    [`console.error("refresh token ${TOKEN} is not valid"); process.exit(1)`, /plugin ".*plugin" failed; run it by hand/],
    [`console.log("${TOKEN} and more")`, /answered something that is not JSON/]
  ] as const) {
    writeFileSync(plugin, `#!${process.execPath}\n${script}\n`)
    chmodSync(plugin, 0o755)
    const connection = await connect({ kubeconfig: file }, Date.now)
    const { message, all } = await failure(() => connection.options())
    t.match(message, told)
    t.notMatch(all, /T0KEN/)
  }
  rmSync(plugin)
  const connection = await connect({ kubeconfig: file }, Date.now)
  t.match(await failure(() => connection.options()), { message: /there is no credential plugin ".*plugin"/ })
})

t.test('what it reads is known from then on: tokens, passwords, keys, those of a plugin as well', async t => {
  const folder = folderOf(t)
  const file = join(folder, 'config')
  const plugin = join(folder, 'plugin')
  writeFileSync(plugin, `#!${process.execPath}\nconsole.log(JSON.stringify({ status: { token: "${TOKEN}" } }))\n`)
  chmodSync(plugin, 0o755)
  for (const [user, credential] of [
    [{ token: TOKEN }, `Bearer ${TOKEN}`],
    [{ username: 'ann', password: 'hunter2hunter2' }, 'hunter2hunter2'],
    [{ 'client-key-data': Buffer.from('the key itself').toString('base64') }, 'the key itself'],
    [{ exec: { apiVersion: 'client.authentication.k8s.io/v1', command: plugin } }, `Bearer ${TOKEN}`]
  ] as const) {
    writeFileSync(file, JSON.stringify(config(user)))
    const known: string[] = []
    await (await connect({ kubeconfig: file }, Date.now, value => known.push(value))).options()
    t.ok(known.includes(credential), `${credential} among ${known.join(', ')}`)
  }
})

t.test('a server with user info, or none that is a URL, is refused without being told', async t => {
  const file = join(folderOf(t), 'config')
  writeFileSync(file, JSON.stringify(config({}, 'https://ann:T0KEN-t0ken@127.0.0.1:1')))
  const found = await failure(() => connect({ kubeconfig: file }, Date.now))
  t.match(found.message, /cluster "prod".*user info/)
  t.notMatch(found.all, /T0KEN/)
  writeFileSync(file, JSON.stringify(config({}, 'https://ann:T0KEN/t0ken')))
  t.notMatch((await failure(() => connect({ kubeconfig: file }, Date.now))).all, /T0KEN/)
})
