import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { freePort } from '../../src/sandbox/processes.ts'
import { startControlPlane } from '../support/cluster/control-plane.ts'
import { parseDockerfile } from '../support/container/dockerfile.ts'
import { buildImage, execIn, startIn } from '../support/container/image.ts'
import { waitUntil } from '../support/world/world.ts'

// No image can be built where these tests run: the Dockerfile's own steps are carried out in an overlay instead.
const context = process.cwd()
const work = mkdtempSync(join(tmpdir(), 'astern-image-'))
t.teardown(() => rmSync(work, { recursive: true, force: true, maxRetries: 5 }))

const image = await buildImage(context, work)
const data = join(work, 'data')
mkdirSync(data)

await t.test('the Dockerfile: pinned bases that a digest can replace, and only files that the build context has', async t => {
  const text = readFileSync('Dockerfile', 'utf8')
  t.match(text, /^ARG NODE_IMAGE=\S+:\d+\.\d+\.\d+-/m)
  const stages = parseDockerfile(text)
  t.ok(stages.length > 1, 'what builds is not what runs')
  for (const line of text.split('\n').filter(one => one.startsWith('FROM'))) t.match(line, /^FROM \$\{\w+_IMAGE\}/)
  const allowed = new Set(
    readFileSync('.dockerignore', 'utf8')
      .split('\n')
      .filter(line => line.startsWith('!'))
      .map(line => line.slice(1))
  )
  for (const { flags, text: words } of stages.flatMap(stage => stage.instructions.filter(({ op }) => op === 'COPY')))
    if (flags['from'] === undefined)
      for (const source of words.split(/\s+/).slice(0, -1)) t.ok(allowed.has(source), `${source} is in the build context`)
  t.throws(() => parseDockerfile('FROM a\nADD x y\n'), /cannot carry out ADD/)
})

/** Runs to its end. */
async function output(command: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<{ code: number; said: string }> {
  const one = startIn(image, ['sh', '-c', `"$@"; echo "code=$?"`, 'sh', ...command], { env, data })
  await waitUntil(
    () => /code=\d+/.test(one.output()),
    () => `${command.join(' ')} ends: ${one.output()}`
  )
  return { code: Number(/code=(\d+)/.exec(one.output())?.[1]), said: one.output() }
}

await t.test('what is in it: Astern and helm, for a user that is not root and cannot change them', async t => {
  t.equal(image.user, '65532:65532')
  t.match(await output(['astern', '--version']), { code: 0, said: /^0\.1\.0/ })
  t.match(await output(['helm', 'version']), { code: 0, said: /v4\.3\.1/ })
  t.match(await output(['id', '-u']), { said: /^65532/ })
  t.not((await output(['touch', '/opt/astern/x'])).code, 0)
  t.not((await output(['touch', '/etc/x'])).code, 0)
  t.equal((await output(['touch', '/var/lib/astern/x'])).code, 0)
  t.not((await output(['ls', `${context}/package.json`])).code, 0, 'the checkout is not there: nothing leaks into the image')
  const { said } = await output([
    'sh',
    '-c',
    'du -sm /opt/astern | cut -f1; ls /opt/astern/node_modules | grep -c -E "^(typescript|tap|@biomejs|node)$"'
  ])
  const [megabytes = 0, tools = 1] = said.split('\n').map(Number)
  t.ok(megabytes < 100, `small: ${megabytes} MB beside Node and helm`)
  t.equal(tools, 0, 'no tool of development')
})

await t.test('it starts as its entry point says, in a cluster, gets healthy, and ends on SIGTERM', async t => {
  const plane = await startControlPlane()
  t.teardown(() => plane.stop())
  const account = join(work, 'account')
  const policies = join(work, 'policies')
  for (const folder of [account, policies]) mkdirSync(folder)
  writeFileSync(join(account, 'token'), plane.token)
  writeFileSync(join(account, 'ca.crt'), readFileSync(plane.certificate))
  writeFileSync(join(account, 'namespace'), 'astern')
  writeFileSync(join(policies, 'policies.yaml'), 'version: 1\npolicies: []\n')
  const port = await freePort()
  const env = {
    ASTERN_LISTEN: `127.0.0.1:${port}`,
    ASTERN_POLICIES: '/etc/astern/policies',
    KUBERNETES_SERVICE_HOST: '127.0.0.1',
    KUBERNETES_SERVICE_PORT: new URL(plane.server).port
  }
  const folders = { '/run/secrets/kubernetes.io/serviceaccount': account, '/etc/astern/policies': policies }
  const server = startIn(image, [...image.entrypoint, ...image.command], { env, data, folders })
  t.teardown(() => server.stop())
  const health = () => execIn(image, server, image.healthcheck, env)
  await waitUntil(
    async () => (await health()) === 0,
    () => `it gets healthy: ${server.output()}`
  )
  const status = async () => (await (await fetch(`http://127.0.0.1:${port}/api/v1/status`)).json()) as { cluster: { detail: string } }
  t.match((await status()).cluster, { reachable: true, detail: /^v1\.36/ }, 'with the token and the CA that the kubelet mounts')
  // `unshare`, `chroot` and `setpriv` have all become the program itself.
  const serving = server.pid
  const uid = /^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${serving}/status`, 'utf8'))?.[1]
  t.equal(uid, '65532')
  const elsewhere = { ...env, ASTERN_LISTEN: `127.0.0.1:${await freePort()}` }
  t.not(await execIn(image, server, image.healthcheck, elsewhere), 0, 'where nobody listens it is not healthy')
  process.kill(serving, 'SIGTERM')
  await waitUntil(
    () => server.exited(),
    () => `it ends: ${server.output()}`
  )
})
