import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { freePort, startProcess } from '../src/sandbox/processes.ts'
import { policies } from './policy.ts'
import { imageFlags, kubeconfigFor, startSources } from './processes.ts'
import { type Row, row } from './rows.ts'

const TIMES = 5
const IDLE_MS = 10_000

/** (d) From the start of the process to `/readyz`, and what it holds when nothing happens. */
export async function start(progress: (line: string) => void): Promise<readonly Row[]> {
  progress(`${TIMES} starts in a pod, ${TIMES} with a kubeconfig`)
  const sources = await startSources()
  const folder = mkdtempSync(join(tmpdir(), 'astern-bench-start-'))
  writeFileSync(join(folder, 'policies.yaml'), JSON.stringify(policies(sources.url)))
  writeFileSync(join(folder, 'kubeconfig'), kubeconfigFor(sources.url))
  for (const [name, text] of Object.entries({ token: 't', namespace: 'astern', 'ca.crt': '' })) writeFileSync(join(folder, name), text)
  const pod = await measure(folder, 'pod')
  const desk = await measure(folder, 'kubeconfig')
  await sources.stop()
  rmSync(folder, { recursive: true, force: true })
  return [
    row(`start to ready in a pod, median of ${TIMES}`, pod.ready, 'ms', { goal: { of: 'value', atMost: 1_000 } }),
    row('memory (RSS) in a pod, idle for 10 s', pod.memory, 'MiB', { goal: { of: 'value', atMost: 160 } }),
    row(`start to ready with a kubeconfig, median of ${TIMES}`, desk.ready, 'ms'),
    row('memory (RSS) with a kubeconfig, idle for 10 s', desk.memory, 'MiB')
  ]
}

async function measure(folder: string, kind: 'pod' | 'kubeconfig'): Promise<{ readonly ready: number; readonly memory: number }> {
  const ready: number[] = []
  let memory = 0
  for (let time = 0; time < TIMES; time += 1) {
    const port = await freePort()
    const serve = [
      process.execPath,
      ...imageFlags(),
      join(import.meta.dirname, '../bin/astern.js'),
      ...['serve', '--policies', join(folder, 'policies.yaml'), '--data-dir', join(folder, `data-${kind}-${time}`)],
      ...['--listen', `127.0.0.1:${port}`, '--log-level', 'error', ...(kind === 'pod' ? [] : ['--kubeconfig', join(folder, 'kubeconfig')])]
    ]
    const begun = performance.now()
    // A pod's service account stands at a fixed place: this process, and no other, gets to see one there.
    const account = '/run/secrets/kubernetes.io/serviceaccount'
    const script = `mount -t tmpfs none /run && mkdir -p ${account} && cp ${folder}/token ${folder}/namespace ${folder}/ca.crt ${account}/ && exec "$@"`
    const one =
      kind === 'pod'
        ? startProcess(['unshare'], ['--map-root-user', '--mount', 'sh', '-ec', script, 'sh', ...serve], {
            env: { ...process.env, KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: '1' }
          })
        : startProcess([process.execPath], serve.slice(1))
    for (;;) {
      const answered = await fetch(`http://127.0.0.1:${port}/readyz`).then(
        answer => answer.ok,
        () => false
      )
      if (answered) break
      if (one.exited() || performance.now() - begun > 20_000) throw new Error(`it did not start: ${one.output()}`)
      await wait(5)
    }
    ready.push(performance.now() - begun)
    if (time === TIMES - 1) {
      await wait(IDLE_MS)
      memory = residentMiB(one.pid, 'VmRSS')
    }
    await one.stop()
  }
  return { ready: ready.sort((a, b) => a - b)[Math.floor(TIMES / 2)] ?? 0, memory }
}

/** What the kernel says that the process holds (`VmRSS`), or held at most (`VmHWM`). */
export function residentMiB(pid: number, what: 'VmRSS' | 'VmHWM'): number {
  const found = new RegExp(`^${what}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return Number(found?.[1]) / 1_024
}
