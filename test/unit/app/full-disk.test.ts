import { spawn, spawnSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { firing, payload } from '../../support/alertmanager-payloads.ts'
import { KUBECONFIG } from '../../support/server-fixture.ts'

/** The largest file that the service may write, in blocks of 512 bytes: room for the ledger and a few deliveries. */
const BLOCKS = 8_000
/** What they are made of is random, so that packing it saves half at most. */
const DELIVERY_CHARACTERS = 500_000

t.test('a disk that is full while Astern runs: 503 and not ready, and answer, log and status say why', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'astern-full-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  writeFileSync(join(folder, 'policies.yaml'), 'version: 1\npolicies: []\n')
  writeFileSync(join(folder, 'kubeconfig'), JSON.stringify(KUBECONFIG))
  const sha256 = (token: string): string => createHash('sha256').update(token).digest('hex')
  const tokens = (['webhook', 'viewer'] as const).map(role => ({ name: role, role, sha256: sha256(role) }))
  writeFileSync(join(folder, 'tokens.yaml'), JSON.stringify({ tokens }))
  const args = ['serve', '--listen', '127.0.0.1:0', '--tokens', 'tokens.yaml', '--kubeconfig', 'kubeconfig']
  // The limit of this shell's files stands for a disk: the system refuses what goes beyond. A new environment keeps out what tap
  // loads into each process, which ends it at the signal that comes with the limit.
  const server = spawn(
    'sh',
    [
      '-c',
      `ulimit -f ${BLOCKS}; exec env -i "PATH=$PATH" "HOME=$PWD" "$0" "$@"`,
      process.execPath,
      join(process.cwd(), 'src/main.ts'),
      ...args
    ],
    {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'inherit']
    }
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
  const post = async (count: number): Promise<number> => {
    const body = JSON.stringify(
      payload([firing({ labels: { alertname: `A${count}` } })], { filler: randomBytes(DELIVERY_CHARACTERS / 2).toString('hex') })
    )
    const answer = await fetch(`${address}/webhooks/alertmanager`, { method: 'POST', headers: { authorization: 'Bearer webhook' }, body })
    await answer.text()
    return answer.status
  }
  const ready = async () => {
    const answer = await fetch(`${address}/readyz`)
    return { status: answer.status, text: await answer.text() }
  }

  t.equal((await ready()).status, 200)
  let status = 202
  for (let count = 0; status === 202 && count < 100; count += 1) status = await post(count)
  t.equal(status, 503)
  const told = /the disk is full|the disk takes no writes, and may be full/
  t.match(await ready(), { status: 503, text: told })
  t.equal(await post(1_000), 503, 'and so it stays')
  t.match(await ready(), { status: 503 })
  const state = await fetch(`${address}/api/v1/status`, { headers: { authorization: 'Bearer viewer' } })
  t.match(await state.json(), { ledger: told })
  const line = log.split('\n').find(one => one.includes('a request was refused'))
  t.match(line, /"status":503/)
  t.match(line, told)
})

t.test('a disk that is full before Astern starts: the error says so', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'astern-full-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  writeFileSync(join(folder, 'policies.yaml'), 'version: 1\npolicies: []\n')
  writeFileSync(join(folder, 'kubeconfig'), JSON.stringify(KUBECONFIG))
  const args = [join(process.cwd(), 'src/main.ts'), 'serve', '--listen', '127.0.0.1:0', '--kubeconfig', 'kubeconfig']
  const limited = 'ulimit -f 1; exec env -i "PATH=$PATH" "HOME=$PWD" "$0" "$@"'
  const { status, stderr } = spawnSync('sh', ['-c', limited, process.execPath, ...args], { cwd: folder, encoding: 'utf8' })
  t.equal(status, 2)
  t.match(stderr, /the ledger .* cannot be opened: the disk (is full|takes no writes, and may be full)/)
})
