import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'

/** A child process that is taken down with its parent. */
export interface RunningProcess {
  readonly pid: number
  readonly output: () => string
  readonly exited: () => boolean
  kill(signal: NodeJS.Signals): void
  stop(): Promise<void>
}

/** What a server said last; enough to tell why it did not start. */
const KEPT_OUTPUT = 8_000
const STOP_WITHIN_MS = 5_000

export function startProcess(
  [file, ...before]: readonly [string, ...string[]],
  args: readonly string[],
  options: { readonly env?: NodeJS.ProcessEnv; readonly cwd?: string } = {}
): RunningProcess {
  const child: ChildProcess = spawn(file, [...before, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(options.env === undefined ? {} : { env: options.env }),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd })
  })
  let output = ''
  let ended = false
  const keep = (chunk: Buffer): void => {
    output = (output + chunk.toString('utf8')).slice(-KEPT_OUTPUT)
  }
  child.stdout?.on('data', keep)
  child.stderr?.on('data', keep)
  child.on('error', cause => {
    output += `\n${cause.message}`
    ended = true
  })
  child.on('exit', () => {
    ended = true
  })
  const onExit = (): void => void child.kill('SIGKILL')
  process.once('exit', onExit)
  return {
    pid: child.pid ?? 0,
    output: () => output,
    exited: () => ended,
    kill: signal => void child.kill(signal),
    async stop() {
      process.off('exit', onExit)
      if (ended) return
      const gone = once(child, 'exit')
      child.kill('SIGTERM')
      const hard = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS)
      await gone
      clearTimeout(hard)
    }
  }
}

/** A port that was free a moment ago. */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  const server = createServer()
  server.listen(0, host)
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port was given')
  return address.port
}

/** Waits until a URL answers 2xx. @throws Error with the process's last words when it ends or does not get ready. */
export async function untilReady(url: string, running: RunningProcess, name: string, withinMs = 20_000): Promise<void> {
  const until = Date.now() + withinMs
  while (Date.now() < until) {
    if (running.exited()) throw new Error(`${name} ended at once:\n${running.output()}`)
    const ready = await fetch(url, { signal: AbortSignal.timeout(1_000) }).then(
      response => response.ok,
      () => false
    )
    if (ready) return
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  throw new Error(`${name} did not get ready within ${withinMs / 1_000} s:\n${running.output()}`)
}
