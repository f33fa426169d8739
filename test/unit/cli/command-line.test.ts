import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { parseListen, readConfig } from '../../../src/config.ts'
import { audited } from '../../../src/domain/audited.ts'
import { openSqliteLedger } from '../../../src/ledger/sqlite/open.ts'
import { countingIds } from '../../support/open-ledger.ts'
import { KUBECONFIG } from '../../support/server-fixture.ts'

const MAIN = join(process.cwd(), 'src/main.ts')

function folderOf(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'astern-cli-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

function astern(cwd: string, ...args: readonly string[]): { readonly code: number | null; readonly out: string; readonly err: string } {
  const { KUBECONFIG: _, ...env } = process.env
  const result = spawnSync(process.execPath, [MAIN, ...args], { cwd, encoding: 'utf8', env: { ...env, HOME: cwd } })
  return { code: result.status, out: result.stdout, err: result.stderr }
}

t.test('help and usage', async t => {
  const cwd = folderOf(t)
  const help = astern(cwd, '--help')
  t.equal(help.code, 0)
  for (const command of [
    'serve',
    'validate',
    'explain',
    'dry-run',
    'runs',
    'status',
    'pause',
    'resume',
    'token',
    'audit',
    'doctor',
    'demo'
  ]) {
    t.match(help.out, new RegExp(`^  ${command}`, 'm'), command)
    t.equal(astern(cwd, command, '--help').code, 0, command)
  }
  const wrong = astern(cwd, 'statsu')
  t.equal(wrong.code, 2)
  t.match(wrong.err, /Did you mean status\?/)
  t.equal(astern(cwd, 'serve', '--nonsense').code, 2)
})

t.test('validate: good 0, bad 1 with places, missing 2', async t => {
  const cwd = folderOf(t)
  const good = astern(process.cwd(), 'validate', 'policies.yaml')
  t.equal(good.code, 0)
  t.match(good.out, /7 policies, no problems/)
  writeFileSync(join(cwd, 'guards.yaml'), 'version: 1\npolicies: []\nguards: [{ name: deploys, namespaces: [shop, "team-*"] }]\n')
  t.match(astern(cwd, 'validate', 'guards.yaml'), {
    code: 0,
    out: /guard deploys \(dry-run, shop, team-\*: rollout-undo\)\n0 policies, 1 guard, no problems/
  })
  writeFileSync(join(cwd, 'bad.yaml'), 'version: 1\npolicis: []\n')
  const bad = astern(cwd, 'validate', 'bad.yaml')
  t.equal(bad.code, 1)
  t.match(bad.err, /bad\.yaml:2:1 policis: unknown key "policis"; did you mean "policies"\?/)
  const json = astern(cwd, 'validate', 'bad.yaml', '--json')
  t.equal(json.code, 1)
  t.match(JSON.parse(json.out), { valid: false, problems: [{ message: '"policies" is missing' }, { line: 2, column: 1 }] })
  const missing = astern(cwd, 'validate')
  t.equal(missing.code, 2)
  t.match(missing.err, /there is no policies\.yaml/)
})

/** Its query has no number before the first error. */
const UNPADDED = JSON.stringify({
  version: 1,
  sources: { prometheus: { url: 'http://127.0.0.1:1' } },
  policies: [
    {
      name: 'undo',
      match: ['alertname="A"'],
      target: { kind: 'Deployment', namespace: 'shop', name: 'api' },
      verify: [{ promql: 'sum(rate(x{code="500"}[5m])) / sum(rate(x[5m]))', failWhen: '> 5%' }],
      steps: [{ action: 'rollout-undo' }],
      guards: { namespaces: ['shop'] }
    }
  ]
})

t.test('a query that has no number while all is well: a warning where policies are checked', async t => {
  const cwd = folderOf(t)
  writeFileSync(join(cwd, 'policies.yaml'), UNPADDED)
  writeFileSync(join(cwd, 'kubeconfig'), JSON.stringify(KUBECONFIG))
  const pad = /Pad it: \(sum\(rate\(x\{code="500"\}\[5m\]\)\) or 0 \* sum/

  const checked = astern(cwd, 'validate')
  t.match(checked, { code: 0, out: /1 policy, 1 warning/ })
  t.match(checked.err, /^policies\.yaml:1:\d+ policies\[0\]\.verify\[0\]\.promql: warning: has no number/)
  t.match(checked.err, pad)
  t.match(JSON.parse(astern(cwd, 'validate', '--json').out), { valid: true, problems: [], warnings: [{ message: pad }] })
  t.match(astern(cwd, 'doctor', '--kubeconfig', 'kubeconfig').out, /! policies +policies\.yaml:1:\d+ has no number/)
})

t.test('doctor: what is bad 1, what is only away 4, a wrong setting 2, and each with what to do', async t => {
  const cwd = folderOf(t)
  writeFileSync(join(cwd, 'kubeconfig'), JSON.stringify(KUBECONFIG))
  const bad = astern(cwd, 'doctor', '--kubeconfig', 'kubeconfig')
  t.equal(bad.code, 1)
  t.match(bad.out, /✗ policies +there is no policies\.yaml.*\n +→ write one/)
  writeFileSync(join(cwd, 'policies.yaml'), 'version: 1\npolicies: []\n')
  const away = astern(cwd, 'doctor', '--kubeconfig', 'kubeconfig', '--json')
  t.equal(away.code, 4)
  t.match(JSON.parse(away.out).findings.at(-1), { check: 'cluster', state: 'unreachable', todo: /--kubeconfig/ })
  t.equal(astern(cwd, 'doctor', '--listen', 'here').code, 2)
})

t.test('serve: what cannot start says what to do, with a non-zero code', async t => {
  const cwd = folderOf(t)
  writeFileSync(join(cwd, 'policies.yaml'), 'version: 1\npolicies: []\n')
  writeFileSync(join(cwd, 'bad.yaml'), 'version: 1\n')
  writeFileSync(join(cwd, 'empty.yaml'), '')
  writeFileSync(join(cwd, 'kubeconfig'), JSON.stringify(KUBECONFIG))
  writeFileSync(join(cwd, 'tokens.yaml'), 'tokens: [{ name: a, role: boss, sha256: x }]\n')
  const taken = createServer()
  taken.listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.teardown(() => taken.close())
  const address = taken.address()
  const port = address === null || typeof address === 'string' ? 0 : address.port
  const cases: readonly (readonly [readonly string[], number, RegExp])[] = [
    [['--mode', 'fast'], 2, /--mode fast: must be one of off, dry-run, auto/],
    [['--listen', 'here'], 2, /must be HOST:PORT/],
    [['--listen', '0.0.0.0:0'], 2, /without --tokens would let everyone on the network in.*astern token create/],
    [['--mode', 'auto'], 2, /without --tokens/],
    [['--tokens', 'none.yaml', '--kubeconfig', 'kubeconfig'], 2, /tokens file none\.yaml cannot be read/],
    [['--tokens', 'tokens.yaml', '--kubeconfig', 'kubeconfig'], 2, /tokens\.yaml: tokens\.0/],
    [['--policies', 'none.yaml'], 2, /there is no none\.yaml/],
    [['--policies', 'bad.yaml'], 1, /bad\.yaml:1:1 "policies" is missing[\s\S]*astern validate/],
    [['--policies', 'empty.yaml'], 1, /the file is empty/],
    [[], 2, /no cluster: there is no .*\.kube\/config; give --kubeconfig/],
    [['--kubeconfig', 'none'], 2, /there is no kubeconfig none/],
    [['--kubeconfig', 'policies.yaml'], 2, /kubeconfig/],
    [['--kubeconfig', 'kubeconfig', '--context', 'x'], 2, /there is no context "x".*it has c/],
    [['--kubeconfig', 'kubeconfig', '--listen', `127.0.0.1:${port}`], 2, /the port is in use; choose another/],
    [['--kubeconfig', 'kubeconfig', '--tls-cert', 'x'], 2, /--tls-cert and --tls-key go together/],
    [['--kubeconfig', 'kubeconfig', '--data-dir', 'policies.yaml/x'], 2, /data folder .* cannot be written to/]
  ]
  for (const [args, code, message] of cases) {
    const result = astern(cwd, 'serve', '--log-level', 'silent', ...args)
    t.equal(result.code, code, args.join(' '))
    t.match(result.err, message)
    t.notMatch(result.err, /at .*\.ts:\d+/, 'no stack')
  }
})

t.test('a server that runs: the client commands, a wrong token, and a clean stop', async t => {
  const cwd = folderOf(t)
  writeFileSync(join(cwd, 'policies.yaml'), UNPADDED)
  writeFileSync(join(cwd, 'kubeconfig'), JSON.stringify(KUBECONFIG))
  const created = astern(cwd, 'token', 'create', '--name', 'ann', '--role', 'operator', '--json')
  const { token, line } = JSON.parse(created.out) as { token: string; line: unknown }
  writeFileSync(join(cwd, 'tokens.yaml'), JSON.stringify({ tokens: [line] }))
  writeFileSync(join(cwd, 'token'), token)
  writeFileSync(join(cwd, 'wrong'), 'wrong')
  const server = spawn(
    process.execPath,
    [MAIN, 'serve', '--listen', '127.0.0.1:0', '--tokens', 'tokens.yaml', '--kubeconfig', 'kubeconfig'],
    { cwd, stdio: ['ignore', 'pipe', 'inherit'] }
  )
  t.teardown(() => server.kill('SIGKILL'))
  let log = ''
  const address = await new Promise<string>((resolve, reject) => {
    server.stdout.on('data', (chunk: Buffer) => {
      log += chunk.toString()
      const found = /"address":"([^"]+)"/.exec(log)
      if (found?.[1] !== undefined) resolve(found[1])
    })
    server.once('exit', () => reject(new Error(log)))
  })
  const client = (...args: readonly string[]) => astern(cwd, ...args, '--server', address, '--token-file', 'token')

  t.match(client('status'), { code: 0, out: /cluster.*connection refused|cluster.*ECONNREFUSED/ })
  t.match(client('status'), { out: /✗ +blind +Deployments in shop: unreachable since 20\S+Z: .*ECONNREFUSED/ })
  t.match(client('status'), { out: /[✗?] +watches +(doubtful|unknown): / }, 'and how far it sees, in each way that somebody asks for')
  t.match(client('runs'), { code: 0, out: /no runs/ })
  t.match(client('explain', 'alertname=A'), { code: 0, out: /✓ undo/ })
  t.match(client('explain', 'alertname=B'), { code: 1, out: /✗ undo {2}alertname="A" \(is B\)/ })
  t.match(client('dry-run', '--policy', 'undo', '--target', 'Deployment/shop/api'), { code: 3, out: /✗ resolve.*cluster-unreachable/ })
  t.match(client('dry-run', '--policy', 'undo', '--target', 'api'), { code: 2, err: /must be Kind\/namespace\/name/ })
  t.match(client('runs'), { out: /undo +Deployment\/shop\/api +denied +cluster-unreachable/ })
  t.match(client('pause', '--reason', 'look'), { code: 0, out: /the switch is at off/ })
  t.match(client('resume'), { code: 0, out: /the switch is at auto/ })
  t.match(astern(cwd, 'status', '--server', address, '--token-file', 'wrong'), { code: 2, err: /the token is not known/ })
  t.match(astern(cwd, 'status', '--server', address), { code: 2, err: /give a token.*--token-file/ })
  t.match(astern(cwd, 'status', '--server', 'http://127.0.0.1:1'), { code: 4, err: /cannot be reached.*astern serve/ })
  t.match(astern(cwd, 'audit', 'verify'), { code: 0, out: /an unbroken chain/ }, 'while it runs')
  t.match(astern(cwd, 'audit', 'export'), { code: 0, out: /"kind":"switch"/ })
  t.match(astern(cwd, 'serve', '--listen', '127.0.0.1:0', '--kubeconfig', 'kubeconfig'), {
    code: 2,
    err: /another Astern uses the data folder/
  })
  t.notMatch(log, new RegExp(token))
  t.match(log, /"warning":\{"file":"policies\.yaml","line":1,.*"message":"has no number/, 'what is seldom meant is in the log')

  server.kill('SIGTERM')
  const [code] = (await once(server, 'exit')) as [number]
  t.equal(code, 0)
  t.match(astern(cwd, 'audit', 'verify', '--data-dir', 'none'), { code: 2, err: /no ledger that can be read/ })
})

t.test('token create: a deployer names its namespaces, and nobody else has any', async t => {
  const cwd = folderOf(t)
  const create = (...args: readonly string[]) => astern(cwd, 'token', 'create', '--name', 'ci', '--json', ...args)
  const { line } = JSON.parse(create('--role', 'deployer', '--namespace', 'shop', '--namespace', 'team-*').out) as { line: unknown }
  t.match(line, { role: 'deployer', namespaces: ['shop', 'team-*'] })
  t.match(create('--role', 'deployer'), { code: 2, err: /goes with --namespace/ })
  t.match(create('--role', 'viewer', '--namespace', 'shop'), { code: 2, err: /goes with --namespace/ })
})

t.test('audit verify --contains: a kept head, or its beginning', async t => {
  const cwd = folderOf(t)
  const ledger = await openSqliteLedger(join(cwd, 'data'), countingIds())
  await ledger.append([audited.switch({ at: 0 }, { mode: 'off', reason: 'why', by: 'ann' })])
  await ledger.close()
  const hash = /chain to ([0-9a-f]{64})/.exec(astern(cwd, 'audit', 'verify').out)?.[1] ?? ''
  t.match(astern(cwd, 'audit', 'verify', '--contains', hash), { code: 0, out: /with row 1/ })
  t.match(astern(cwd, 'audit', 'verify', '--contains', hash.slice(0, 16)), { code: 0 })
  t.match(astern(cwd, 'audit', 'verify', '--contains', 'a'.repeat(64)), { code: 1, err: /was cut, or replaced: no row has the hash/ })
  t.match(astern(cwd, 'audit', 'verify', '--contains', 'abc'), { code: 2, err: /--contains takes the hash/ })
  t.match(JSON.parse(astern(cwd, 'audit', 'verify', '--contains', 'a'.repeat(64), '--json').out), { fault: { kind: 'cut' } })
})

t.test('demo on one’s own cluster asks first', async t => {
  const cwd = folderOf(t)
  t.match(astern(cwd, 'demo', '--kubeconfig', 'x'), { code: 2, err: /say --yes to agree/ })
})

t.test('settings: the flag wins over its twin in the environment', async t => {
  t.match(readConfig({}, {}), {
    mode: 'dry-run',
    listen: { host: '127.0.0.1', port: 8080 },
    policies: 'policies.yaml',
    dataDir: 'data',
    logLevel: 'info'
  })
  t.match(
    readConfig(
      {},
      {
        ASTERN_MODE: 'off',
        ASTERN_LISTEN: '127.0.0.1:9',
        ASTERN_POLICIES: 'p',
        ASTERN_DATA_DIR: 'd',
        ASTERN_LOG_LEVEL: 'warn',
        KUBECONFIG: 'k',
        ASTERN_PROMETHEUS_URL: 'http://p'
      }
    ),
    { mode: 'off', listen: { port: 9 }, policies: 'p', dataDir: 'd', logLevel: 'warn', kubeconfig: 'k', prometheusUrl: 'http://p' }
  )
  t.match(readConfig({ mode: 'dry-run' }, { ASTERN_MODE: 'off' }), { mode: 'dry-run' })
  t.same(readConfig({}, {}).fluxNamespaces, [])
  t.same(readConfig({}, { ASTERN_FLUX_NAMESPACES: 'flux-system, team-flux' }).fluxNamespaces, ['flux-system', 'team-flux'])
  t.same(readConfig({ fluxNamespaces: 'a' }, { ASTERN_FLUX_NAMESPACES: 'b' }).fluxNamespaces, ['a'])
  t.throws(() => readConfig({ fluxNamespaces: 'flux-*' }, {}), /no name of a namespace/)
  t.throws(() => readConfig({}, { ASTERN_ARGOCD_NAMESPACE: '../x' }), /no name of a namespace/)
  t.throws(() => readConfig({}, { ASTERN_DATABASE_URL: 'postgres://x' }), /not built yet/)
  t.same(parseListen('[::1]:80'), { host: '::1', port: 80 })
  t.throws(() => parseListen('127.0.0.1:99999'), /HOST:PORT/)
})
