import { execFile, spawn } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { freePort, startProcess, untilReady } from '../../src/sandbox/processes.ts'
import { startSandbox } from '../../src/sandbox/sandbox.ts'
import { deploymentOf, ok, openClients, pathOf, setImage, untilWorkload } from '../support/conformance/clients.ts'
import { HANG_MS } from '../support/hang.ts'

const run = promisify(execFile)
const checkout = process.cwd()

/** Without the test runner's own hooks, which it puts into every child's environment. */
const CLEAN = ['-u', 'NODE_OPTIONS'] as const

/** As on a machine that has nothing but the Node that the package asks for. */
const env = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env['PATH'] ?? ''}` }

t.test('the package: packed, installed into an empty folder, used', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'astern-package-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  // In a copy: `prepack` makes dist/, which other tests must not see come and go.
  const copy = join(folder, 'checkout')
  for (const name of [
    'src',
    'bin',
    'package.json',
    'tsconfig.json',
    'tsconfig.build.json',
    'policies.yaml',
    'policies.schema.json',
    'README.md',
    'LICENSE'
  ])
    cpSync(join(checkout, name), join(copy, name), { recursive: true })
  symlinkSync(join(checkout, 'node_modules'), join(copy, 'node_modules'))
  await run('env', [...CLEAN, 'npm', 'pack', '--silent', '--pack-destination', folder], { cwd: copy, env })
  const tarball = readdirSync(folder).find(name => name.endsWith('.tgz'))
  if (tarball === undefined) throw new Error('npm pack made no tarball')
  const { stdout } = await run('tar', ['-tzf', join(folder, tarball)])
  t.notOk(/\.ts$|node_modules|package\/(test|src|docs|shared)\//m.test(stdout), 'compiled code only')

  const elsewhere = join(folder, 'elsewhere')
  writeFileSync(join(folder, 'package.json'), '{}')
  await run('env', [...CLEAN, 'npm', 'install', '--silent', '--no-audit', '--no-fund', '--prefix', elsewhere, join(folder, tarball)], {
    cwd: folder,
    env
  })
  const astern = async (...args: readonly string[]) => {
    const child = spawn('env', [...CLEAN, 'npx', '--no-install', 'astern', ...args], { cwd: elsewhere, env })
    let said = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()))
    const code = await new Promise<number | null>(resolve => child.on('close', resolve))
    return { code, said }
  }
  t.match(await astern('--version'), { code: 0, said: new RegExp(versionOf(checkout)) })
  t.match(await astern('doctor', '--help'), { code: 0, said: /Examples:/ })
  t.match(await astern('validate', join(elsewhere, 'node_modules/astern/policies.yaml')), { code: 0, said: /7 policies, no problems/ })

  // A dry run against a cluster, by the installed program alone.
  const sandbox = await startSandbox()
  const kubeconfig = join(folder, 'kubeconfig')
  writeFileSync(kubeconfig, sandbox.kubeconfig)
  const clients = await openClients(kubeconfig)
  t.teardown(async () => {
    clients.close()
    await sandbox.close()
  })
  const ref = { kind: 'Deployment', namespace: 'shop', name: 'api' } as const
  ok(await clients.kube.post('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } }))
  ok(await clients.kube.post(pathOf({ namespace: 'shop' }), deploymentOf('api', 'app:v1')))
  await untilWorkload(clients.cluster, ref, workload => workload.revisions.length === 1, 'the first revision')
  await setImage(clients.kube, ref, 'app:v2')
  await untilWorkload(clients.cluster, ref, workload => workload.rollout.available && workload.revisions.length === 2, 'the second')
  const port = await freePort()
  const server = startProcess(
    // Not by npx, which does not pass on the signal that ends it.
    ['env', ...CLEAN, process.execPath, 'node_modules/.bin/astern'],
    ['serve', '--kubeconfig', kubeconfig, '--policies', 'node_modules/astern/policies.yaml', '--listen', `127.0.0.1:${port}`],
    { cwd: elsewhere, env }
  )
  t.teardown(() => server.stop())
  await untilReady(`http://127.0.0.1:${port}/readyz`, server, 'the installed Astern', HANG_MS)
  const dryRun = ['dry-run', '--server', `http://127.0.0.1:${port}`, '--policy', 'workers-stuck', '--target', 'Deployment/shop/api']
  const answer = await astern(...dryRun)
  t.match(answer.said, /source-unreachable/, 'there is no Prometheus here: it says so, and does nothing')
  t.same(
    sandbox.writes().filter(write => write.path.includes('/deployments/') && !write.dryRun && write.method === 'PATCH').length,
    1,
    'only ours'
  )
})

t.test('a Node that is too old is told in one sentence', async t => {
  const older = 'Object.defineProperty(process, "versions", { value: { ...process.versions, node: "20.19.0" } })'
  const child = spawn(
    'env',
    [...CLEAN, process.execPath, '--import', `data:text/javascript,${encodeURIComponent(older)}`, 'bin/astern.js', 'serve'],
    {
      env
    }
  )
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
  t.equal(await new Promise(resolve => child.on('close', resolve)), 2)
  t.match(said, /^astern needs Node 24\.15 or newer, and this is 20\.19\.0: .*\n$/)
  t.match(engines(checkout), `>=${/const needed = \[(\d+), (\d+)\]/.exec(readFileSync('bin/astern.js', 'utf8'))?.slice(1).join('.')}`)
})

function manifest(folder: string): { readonly version: string; readonly engines: { readonly node: string } } {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as ReturnType<typeof manifest>
}

function versionOf(folder: string): string {
  return manifest(folder).version
}

function engines(folder: string): string {
  return manifest(folder).engines.node
}
