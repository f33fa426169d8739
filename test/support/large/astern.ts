import { join } from 'node:path'
import type { Test } from 'tap'
import { isObject, type JsonObject, listAt, objectAt } from '../../../src/base/json.ts'
import { freePort, untilReady } from '../../../src/sandbox/processes.ts'
import { HANG_MS } from '../hang.ts'
import { startLikeImage } from '../image-process.ts'
import { heapAfterCollection } from './heap.ts'

/** Astern in a process of its own, with the flags of the container image. */
export interface MeasuredAstern {
  readonly url: string
  readonly pid: number
  status(): Promise<JsonObject>
  /** The watches that its status tells of; undefined where it tells of none. */
  watches(): Promise<readonly unknown[] | undefined>
  metrics(): Promise<string>
  /** MiB after a collection. */
  heap(): Promise<number>
  exited(): boolean
  output(): string
  stop(): Promise<void>
}

export async function startMeasured(
  t: Pick<Test, 'teardown'>,
  flags: {
    readonly policies: string
    readonly kubeconfig: string
    readonly dataDir: string
    /** The file that is run, below the checkout. */
    readonly entry?: string
  }
): Promise<MeasuredAstern> {
  const root = join(import.meta.dirname, '../../..')
  const [port, inspector] = [await freePort(), await freePort()]
  const url = `http://127.0.0.1:${port}`
  const one = startLikeImage([
    `--inspect=127.0.0.1:${inspector}`,
    join(root, flags.entry ?? 'src/main.ts'),
    'serve',
    ...['--policies', flags.policies, '--kubeconfig', flags.kubeconfig, '--data-dir', flags.dataDir],
    ...['--listen', `127.0.0.1:${port}`, '--log-level', 'info']
  ])
  t.teardown(() => one.stop())
  await untilReady(`${url}/readyz`, one, 'Astern', HANG_MS)
  const status = async (): Promise<JsonObject> => {
    const body: unknown = await (await fetch(`${url}/api/v1/status`)).json()
    return isObject(body) ? body : {}
  }
  return {
    url,
    pid: one.pid,
    status,
    async watches() {
      const cluster = objectAt(await status(), 'cluster')
      return 'watches' in cluster ? listAt(cluster, 'watches') : undefined
    },
    metrics: async () => (await fetch(`${url}/metrics`)).text(),
    heap: () => heapAfterCollection(inspector),
    exited: () => one.exited(),
    output: () => one.output(),
    stop: () => one.stop()
  }
}
