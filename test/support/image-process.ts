import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort, type RunningProcess, startProcess, untilReady } from '../../src/sandbox/processes.ts'

/** The flags that the container image gives to Node. */
export function imageFlags(): readonly string[] {
  const entrypoint = /^ENTRYPOINT (\[.*\])$/m.exec(readFileSync('Dockerfile', 'utf8'))?.[1]
  const words = JSON.parse(entrypoint ?? '[]') as readonly string[]
  return words.filter(word => word.startsWith('--'))
}

/** The memory that the chart gives the pod, MiB. */
export function podMemoryMiB(): number {
  const found = /limits: \{ memory: (\d+)Mi \}/.exec(readFileSync('charts/astern/values.yaml', 'utf8'))?.[1]
  if (found === undefined) throw new Error('the chart’s memory limit was not found')
  return Number(found)
}

/** `astern serve` in a process of its own, with the image's flags. */
export interface ImageProcess {
  readonly url: string
  readonly process: RunningProcess
  /** The most memory that the process held so far, as the kernel counts it, MiB. */
  peakMiB(): number
}

/** @param folder holds `policies.yaml` and `kubeconfig`, and gets the ledger in `data` */
export async function startImageProcess(folder: string): Promise<ImageProcess> {
  const port = await freePort()
  const serve = [
    'serve',
    ...['--policies', join(folder, 'policies.yaml'), '--kubeconfig', join(folder, 'kubeconfig'), '--data-dir', join(folder, 'data')],
    ...['--listen', `127.0.0.1:${port}`, '--log-level', 'error']
  ]
  // An environment of its own, made by another program, keeps out what tap loads into each process that Node begins.
  const { PATH = '', HOME = '' } = process.env
  const node = [process.execPath, ...imageFlags(), join(process.cwd(), 'src/main.ts')]
  const running = startProcess(['env'], ['-i', `PATH=${PATH}`, `HOME=${HOME}`, ...node, ...serve])
  const url = `http://127.0.0.1:${port}`
  await untilReady(`${url}/readyz`, running, 'Astern', 60_000)
  return {
    url,
    process: running,
    peakMiB: () => Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${running.pid}/status`, 'utf8'))?.[1]) / 1_024
  }
}
