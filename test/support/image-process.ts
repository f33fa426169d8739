import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { imageFlags } from '../../bench/processes.ts'
import { residentMiB } from '../../bench/start.ts'
import { freePort, type RunningProcess, startProcess, untilReady } from '../../src/sandbox/processes.ts'
import { HANG_MS } from './hang.ts'

/** The memory that the chart gives the pod, MiB. */
export function podMemoryMiB(): number {
  const found = /limits: \{ memory: (\d+)Mi \}/.exec(readFileSync('charts/astern/values.yaml', 'utf8'))?.[1]
  if (found === undefined) throw new Error('the chart’s memory limit was not found')
  return Number(found)
}

/**
 * Begins a program of this checkout with the flags that the container image gives to Node. Its environment is its own, and another
 * program makes it: so the test runner loads nothing into it.
 */
export function startLikeImage(args: readonly string[]): RunningProcess {
  const { PATH = '', HOME = '' } = process.env
  return startProcess(['env'], ['-i', `PATH=${PATH}`, `HOME=${HOME}`, process.execPath, ...imageFlags(), ...args])
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
  const running = startLikeImage([
    join(process.cwd(), 'src/main.ts'),
    'serve',
    ...['--policies', join(folder, 'policies.yaml'), '--kubeconfig', join(folder, 'kubeconfig'), '--data-dir', join(folder, 'data')],
    ...['--listen', `127.0.0.1:${port}`, '--log-level', 'error']
  ])
  const url = `http://127.0.0.1:${port}`
  await untilReady(`${url}/readyz`, running, 'Astern', HANG_MS)
  return { url, process: running, peakMiB: () => residentMiB(running.pid, 'VmHWM') }
}
