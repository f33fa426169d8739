import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import { parseAllDocuments } from 'yaml'
import { isObject, type JsonObject } from '../../../src/base/json.ts'
import { type GoProgram, obtain } from './go-build.ts'

const run = promisify(execFile)

export interface Helm {
  readonly major: string
  /** Standard output. @throws Error with what helm said. */
  (...args: readonly string[]): Promise<string>
}

/** The real helm, with a home of its own. */
export async function openHelm(t: Test, program: GoProgram, kubeconfig: string): Promise<Helm> {
  const file = await obtain(program)
  const home = mkdtempSync(join(tmpdir(), 'astern-helm-'))
  t.teardown(() => rmSync(home, { recursive: true, force: true }))
  const env = { ...process.env, KUBECONFIG: kubeconfig, HELM_CACHE_HOME: home, HELM_CONFIG_HOME: home, HELM_DATA_HOME: home }
  const helm = async (...args: readonly string[]): Promise<string> => {
    try {
      return (await run(file, args, { env, maxBuffer: 16 * 1024 * 1024 })).stdout
    } catch (cause) {
      const said = isObject(cause) ? `${String(cause['stdout'] ?? '')}${String(cause['stderr'] ?? '')}` : ''
      throw new Error(`helm ${args.join(' ')}: ${said}`, { cause })
    }
  }
  return Object.assign(helm, { major: program.version.split('.')[0] ?? '' })
}

export function manifests(text: string): readonly JsonObject[] {
  return parseAllDocuments(text)
    .map((document): unknown => document.toJS())
    .filter(isObject)
}
