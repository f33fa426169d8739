import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { sha256 } from '../base/hashes.ts'
import type { GuardPolicy } from '../domain/deploy-guard.ts'
import type { Policy } from '../domain/policy.ts'
import { indexPolicies, type PolicyIndex } from './index.ts'
import { type LoadResult, loadPolicies, type PolicySet, type Vocabulary } from './load.ts'
import { checkNamedFiles } from './named-files.ts'
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
    const file = cause instanceof Error && 'path' in cause ? String(cause.path) : path
    throw new PolicyFileMissing(
      code === 'ENOENT'
        ? `there is no ${file}: give --policies the path of your policy file or folder`
        : `${file} cannot be read (${code})`,
      { cause }
    )
  }
}

export interface LoadOptions {
  /** False where the files that policies name are elsewhere, as in CI. */
  readonly lookAtFiles?: boolean
}

/** Reads and checks the policy files, and looks at the files that they name. @throws PolicyFileMissing */
export async function loadPolicyPath(path: string, vocabulary: Vocabulary, options: LoadOptions = {}): Promise<LoadResult> {
  return loadWhole(await readPolicyTexts(path), vocabulary, options)
}

async function loadWhole(
  texts: Parameters<typeof loadPolicies>[0],
  vocabulary: Vocabulary,
  { lookAtFiles = true }: LoadOptions = {}
): Promise<LoadResult> {
  const result = loadPolicies(texts, vocabulary)
  if (result.kind === 'bad' || !lookAtFiles) return result
  const problems = await checkNamedFiles(result.files)
  return problems.length === 0 ? result : { kind: 'bad', problems }
}

export type ReloadResult =
  /** The texts in force are the ones that are there. */
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'loaded'; readonly policies: number }
  | { readonly kind: 'bad'; readonly problems: readonly PolicyProblem[]; readonly fresh: boolean }

/** The policies that are in force. A bad file never replaces a good one. */
export interface PolicyStore {
  readonly current: () => PolicySet
  readonly index: () => PolicyIndex
  policy(name: string): Policy | undefined
  /** The entry of `guards:` of that name. */
  guard(name: string): GuardPolicy | undefined
  reload(): Promise<ReloadResult>
  /** The hash of the texts in force. The audit log names what was loaded by it. */
  readonly version: () => string
}

export async function openPolicyStore(
  path: string,
  vocabulary: Vocabulary
): Promise<{ readonly kind: 'open'; readonly store: PolicyStore } | { readonly kind: 'bad'; readonly problems: readonly PolicyProblem[] }> {
  const texts = await readPolicyTexts(path)
  const first = await loadWhole(texts, vocabulary)
  if (first.kind === 'bad') return first
  let set = first.set
  let index = indexPolicies(set.policies)
  let version = versionOf(texts)
  /** What is wrong with the files as they are, as a text; undefined while they are in force. */
  let wrong: string | undefined
  const bad = (problems: readonly PolicyProblem[]): ReloadResult => {
    const told = JSON.stringify(problems)
    const fresh = told !== wrong
    wrong = told
    return { kind: 'bad', problems, fresh }
  }
  return {
    kind: 'open',
    store: {
      current: () => set,
      index: () => index,
      version: () => version,
      policy: name => set.policies.find(policy => policy.name === name),
      guard: name => set.guards.find(entry => entry.name === name),
      async reload() {
        const read = await textsOrProblem(path)
        if ('problem' in read) return bad([read.problem])
        const next = versionOf(read.texts)
        // Files that were bad are looked at again although they are the same: what they name may be there now.
        if (next === version && wrong === undefined) return { kind: 'unchanged' }
        // All that can fail is done before anything in force changes.
        const result = await loadWhole(read.texts, vocabulary)
        if (result.kind === 'bad') return bad(result.problems)
        const nextIndex = indexPolicies(result.set.policies)
        wrong = undefined
        set = result.set
        index = nextIndex
        version = next
        return { kind: 'loaded', policies: set.policies.length }
      }
    }
  }
}

/** A file that is missing while Astern runs is a fault of the files, like any other. */
async function textsOrProblem(
  path: string
): Promise<{ readonly texts: Awaited<ReturnType<typeof readPolicyTexts>> } | { readonly problem: PolicyProblem }> {
  try {
    return { texts: await readPolicyTexts(path) }
  } catch (cause) {
    if (!(cause instanceof PolicyFileMissing)) throw cause
    return { problem: { file: path, line: 1, column: 1, path: '', message: cause.message } }
  }
}

function versionOf(texts: readonly { readonly file: string; readonly text: string }[]): string {
  return sha256(texts.map(({ file, text }) => `${file}\n${text}`).join('\n')).slice(0, 16)
}
