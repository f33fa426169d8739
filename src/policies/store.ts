import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { sha256 } from '../base/hashes.ts'
import type { Policy } from '../domain/policy.ts'
import { indexPolicies, type PolicyIndex } from './index.ts'
import { type LoadResult, loadPolicies, type PolicySet, type Vocabulary } from './load.ts'
import type { PolicyProblem } from './problem.ts'

/** The policy file is missing or cannot be read. Its exit code differs from that of a bad file. */
export class PolicyFileMissing extends Error {}

/** Reads the policy files at the path. @throws PolicyFileMissing naming the path and what to do */
export async function readPolicyTexts(path: string): Promise<readonly { readonly file: string; readonly text: string }[]> {
  try {
    const found = await stat(path)
    if (!found.isDirectory()) return [{ file: path, text: await readFile(path, 'utf8') }]
    const names = (await readdir(path)).filter(name => /\.ya?ml$/.test(name) && !name.startsWith('.')).sort()
    if (names.length === 0) throw new PolicyFileMissing(`there is no .yaml file in ${path}`)
    return await Promise.all(names.map(async name => ({ file: join(path, name), text: await readFile(join(path, name), 'utf8') })))
  } catch (cause) {
    if (cause instanceof PolicyFileMissing) throw cause
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
    throw new PolicyFileMissing(
      code === 'ENOENT'
        ? `there is no ${path}: give --policies the path of your policy file or folder`
        : `${path} cannot be read (${code})`,
      { cause }
    )
  }
}

export async function loadPolicyPath(path: string, vocabulary: Vocabulary): Promise<LoadResult> {
  return loadPolicies(await readPolicyTexts(path), vocabulary)
}

export type ReloadResult =
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'loaded'; readonly policies: number }
  | { readonly kind: 'bad'; readonly problems: readonly PolicyProblem[]; readonly fresh: boolean }

/** The policies that are in force. A bad file never replaces a good one. */
export interface PolicyStore {
  readonly current: () => PolicySet
  readonly index: () => PolicyIndex
  policy(name: string): Policy | undefined
  reload(): Promise<ReloadResult>
  /** The hash of the texts in force. The audit log names what was loaded by it. */
  readonly version: () => string
}

export async function openPolicyStore(
  path: string,
  vocabulary: Vocabulary
): Promise<{ readonly kind: 'open'; readonly store: PolicyStore } | { readonly kind: 'bad'; readonly problems: readonly PolicyProblem[] }> {
  const texts = await readPolicyTexts(path)
  const first = loadPolicies(texts, vocabulary)
  if (first.kind === 'bad') return first
  let set = first.set
  let index = indexPolicies(set.policies)
  let version = versionOf(texts)
  let tried = version
  let badNow: readonly PolicyProblem[] | undefined
  return {
    kind: 'open',
    store: {
      current: () => set,
      index: () => index,
      version: () => version,
      policy: name => set.policies.find(policy => policy.name === name),
      async reload() {
        const fresh = await readPolicyTexts(path)
        const next = versionOf(fresh)
        if (next === tried) return badNow === undefined ? { kind: 'unchanged' } : { kind: 'bad', problems: badNow, fresh: false }
        tried = next
        // All that can fail is done before anything in force changes.
        const result = loadPolicies(fresh, vocabulary)
        badNow = result.kind === 'bad' ? result.problems : undefined
        if (result.kind === 'bad') return { ...result, fresh: true }
        const nextIndex = indexPolicies(result.set.policies)
        set = result.set
        index = nextIndex
        version = next
        return { kind: 'loaded', policies: set.policies.length }
      }
    }
  }
}

function versionOf(texts: readonly { readonly file: string; readonly text: string }[]): string {
  return sha256(texts.map(({ file, text }) => `${file}\n${text}`).join('\n')).slice(0, 16)
}
