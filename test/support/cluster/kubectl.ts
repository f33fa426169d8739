import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { KUBECTL, obtain } from './go-build.ts'

/** Runs kubectl with something on its standard input. @returns what it said. @throws Error with what it said */
export type Kubectl = (args: readonly string[], input?: unknown) => Promise<string>

/** The real kubectl, with a home of its own. */
export async function openKubectl(t: Pick<Test, 'teardown'>, kubeconfig: string): Promise<Kubectl> {
  const program = await obtain(KUBECTL)
  const home = mkdtempSync(join(tmpdir(), 'astern-kubectl-'))
  t.teardown(() => rmSync(home, { recursive: true, force: true }))
  const env = { ...process.env, HOME: home, KUBECONFIG: kubeconfig }
  return async (args, input = '') => {
    const child = spawn(program, [...args], { env })
    const said: Buffer[] = []
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => said.push(chunk))
    child.stdin.end(typeof input === 'string' ? input : JSON.stringify(input))
    const [code]: unknown[] = await once(child, 'close')
    const text = Buffer.concat(said).toString()
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${text}`)
    return text
  }
}
