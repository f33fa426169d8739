import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort, type RunningProcess, startProcess, untilReady } from '../src/sandbox/processes.ts'

export interface Server {
  readonly url: string
  readonly process: RunningProcess
  stop(): Promise<void>
}

/** One of the servers that Astern is compared with. */
export function startBaseline(kind: 'bare' | 'durable'): Promise<Server> {
  return startPrinting(['baselines/server.ts', kind])
}

/** Recorded answers of a Prometheus and a Kubernetes API. */
export function startSources(delayMs = 0, badSince?: number): Promise<Server> {
  return startPrinting(['sources.ts', String(delayMs), ...(badSince === undefined ? [] : [String(badSince)])])
}

/** Starts a script of this folder that prints its URL. */
async function startPrinting([script = '', ...args]: readonly string[]): Promise<Server> {
  const one = startProcess([process.execPath], [join(import.meta.dirname, script), ...args])
  const until = Date.now() + 10_000
  while (!one.output().includes('http://')) {
    if (one.exited() || Date.now() > until) throw new Error(`${script} did not start: ${one.output()}`)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  return { url: one.output().trim(), process: one, stop: () => one.stop() }
}

export interface AsternOptions {
  readonly policies: unknown
  readonly kubernetes?: string
  readonly mode?: 'auto' | 'dry-run'
}

export interface AsternServer extends Server {
  readonly dataDir: string
}

/** The flags that the container image gives to Node. */
export function imageFlags(): readonly string[] {
  const entrypoint = /^ENTRYPOINT (\[.*\])$/m.exec(readFileSync(join(import.meta.dirname, '../Dockerfile'), 'utf8'))?.[1]
  const words = JSON.parse(entrypoint ?? '[]') as readonly string[]
  return words.filter(word => word.startsWith('--'))
}

/** Astern as it is shipped: the compiled package, started as the image starts it, in a process of its own, on a disk that syncs. */
export async function startAstern(options: AsternOptions): Promise<AsternServer> {
  const folder = mkdtempSync(join(tmpdir(), 'astern-bench-'))
  writeFileSync(join(folder, 'policies.yaml'), JSON.stringify(options.policies))
  writeFileSync(join(folder, 'kubeconfig'), kubeconfigFor(options.kubernetes ?? 'http://127.0.0.1:1'))
  const sha256 = (secret: string) => createHash('sha256').update(secret).digest('hex')
  const digest = (role: string) => ({ name: role, role, sha256: sha256(role) })
  writeFileSync(
    join(folder, 'tokens.yaml'),
    JSON.stringify({ tokens: [digest('webhook'), { ...digest('webhook'), name: 'forger', sha256: sha256('forger') }, digest('operator')] })
  )
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const dataDir = join(folder, 'data')
  const one = startProcess(
    [process.execPath],
    [
      ...imageFlags(),
      join(import.meta.dirname, '../bin/astern.js'),
      'serve',
      ...['--policies', join(folder, 'policies.yaml'), '--kubeconfig', join(folder, 'kubeconfig'), '--data-dir', dataDir],
      ...['--listen', `127.0.0.1:${port}`, '--mode', options.mode ?? 'dry-run', '--log-level', 'error'],
      ...(options.mode === 'auto' ? ['--tokens', join(folder, 'tokens.yaml')] : [])
    ]
  )
  await untilReady(`${url}/readyz`, one, 'Astern')
  return {
    url,
    process: one,
    dataDir,
    async stop() {
      await one.stop()
      rmSync(folder, { recursive: true, force: true })
    }
  }
}

export function kubeconfigFor(server: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'bench',
    clusters: [{ name: 'bench', cluster: { server, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'bench', user: {} }],
    contexts: [{ name: 'bench', context: { cluster: 'bench', user: 'bench' } }]
  })
}
