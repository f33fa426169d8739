import { type ChildProcess, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
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

/** How much of a server's output is kept, which is enough to see why it did not start. */
const KEPT_OUTPUT = 8_000
const STOP_WITHIN_MS = 5_000

/** The children that still run. None outlives this process. */
const children = new Set<ChildProcess>()
let guarded = false

function guardExit(): void {
  if (guarded) return
  guarded = true
  process.once('exit', () => {
    for (const child of children) child.kill('SIGKILL')
  })
}

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
    children.delete(child)
  })
  children.add(child)
  guardExit()
  return {
    pid: child.pid ?? 0,
    output: () => output,
    exited: () => ended,
    kill: signal => void child.kill(signal),
    async stop() {
      if (ended) return
      const gone = once(child, 'exit')
      child.kill('SIGTERM')
      const hard = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS)
      await gone
      clearTimeout(hard)
    }
  }
}

/** The range lies below the ports of outgoing connections (from 32,768 on Linux), so that none of those takes a port meanwhile. */
const PORTS = { from: 15_000, to: 32_000 }

/** Where ports are reserved. No server listens there. */
const RESERVED_AT = '127.77.0.1'

/**
 * Finds a port that is free, in a range that the system itself does not give out. It is given out once, to this process alone, for time
 * passes until its server listens, and other processes on the machine look for ports as well.
 */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  for (;;) {
    const port = randomInt(PORTS.from, PORTS.to)
    if ((await reservePort(port)) && (await isFree(host, port))) return port
  }
}

/**
 * Reserves a port until the process ends, by a socket of the same number: UDP, and at another address than any server’s, so that it is in
 * nobody’s way, and the system gives it to one process only. Where there is no such address (macOS) nothing is reserved.
 */
export async function reservePort(port: number): Promise<boolean> {
  const socket = createSocket('udp4')
  socket.bind({ port, address: RESERVED_AT, exclusive: true })
  try {
    await once(socket, 'listening')
    socket.unref()
    return true
  } catch (cause) {
    socket.close()
    return !(cause instanceof Error && 'code' in cause && cause.code === 'EADDRINUSE')
  }
}

async function isFree(host: string, port: number): Promise<boolean> {
  const server = createServer()
  try {
    server.listen(port, host)
    await once(server, 'listening')
    server.close()
    await once(server, 'close')
    return true
  } catch {
    return false
  }
}

/** Prometheus and Alertmanager are ready in one second, and in half a minute beside other things on a small machine, milliseconds. */
const START_MS = 60_000

/** Waits until a URL answers 2xx. @throws Error with the process's last words when it ends or does not get ready. */
export async function untilReady(url: string, running: RunningProcess, name: string, withinMs = START_MS): Promise<void> {
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
