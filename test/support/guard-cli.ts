import { type ChildProcess, spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { TOKENS } from './server-fixture.ts'

export interface RunningCommand {
  readonly child: ChildProcess
  out(): string
  err(): string
  /** Resolves as soon as the standard output matches. */
  until(pattern: RegExp): Promise<void>
  /** Resolves with the exit code, or the name of the signal that ended it. */
  readonly ended: Promise<number | string>
}

const MAIN = join(process.cwd(), 'src/main.ts')

/** A folder of its own with the token of a deployer in `token`. */
export function guardFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'astern-guard-cli-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  writeFileSync(join(folder, 'token'), `${TOKENS.deployer}\n`)
  return folder
}

/** Runs `astern` in a process of its own, which knows nothing of the job that runs the tests. */
export function astern(
  t: Test,
  args: readonly string[],
  { cwd, env = {} }: { readonly cwd: string; readonly env?: Readonly<Record<string, string>> }
): RunningCommand {
  const { PATH = '' } = process.env
  const child = spawn(process.execPath, [MAIN, ...args], { cwd, env: { PATH, HOME: cwd, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  t.teardown(() => child.kill('SIGKILL'))
  const events = new EventEmitter()
  const text = { out: '', err: '' }
  for (const [name, stream] of [
    ['out', child.stdout],
    ['err', child.stderr]
  ] as const) {
    stream.setEncoding('utf8')
    stream.on('data', (piece: string) => {
      text[name] += piece
      events.emit('more')
    })
  }
  const ended = new Promise<number | string>(resolve => {
    child.once('close', (code, signal) => {
      resolve(code ?? signal ?? 'nothing')
      events.emit('more')
    })
  })
  return {
    child,
    out: () => text.out,
    err: () => text.err,
    ended,
    async until(pattern) {
      while (!pattern.test(text.out)) {
        if (child.exitCode !== null) throw new Error(`ended with ${child.exitCode} before ${String(pattern)}:\n${text.out}\n${text.err}`)
        await once(events, 'more')
      }
    }
  }
}
