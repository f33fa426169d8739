import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { TSchema } from 'typebox'
import { isObject } from '../base/json.ts'
import type { Path, PolicyProblem } from './problem.ts'

/** A file that a policy file names, such as one with a token. */
export interface NamedFile {
  readonly file: string
  /** The key under which it stands, which tells what must be in it. */
  readonly key: string
  /** The problem that a sentence is about this file. */
  readonly problem: (message: string) => PolicyProblem
}

/** The files that a checked value names: what its schema calls `…File`, and the entries of `…FromFiles`. */
export function namedFiles(schema: TSchema, value: unknown, path: Path = []): readonly { readonly path: Path; readonly file: string }[] {
  const { properties, patternProperties, items }: Readonly<Record<string, unknown>> = { ...schema }
  if (Array.isArray(value)) {
    return value.flatMap((entry: unknown, index) => (isObject(items) ? namedFiles(items, entry, [...path, index]) : []))
  }
  if (!isObject(value)) return typeof value === 'string' && isFile(path) ? [{ path, file: value }] : []
  return Object.entries(value).flatMap(([key, entry]) => {
    const known = isObject(properties) && Object.hasOwn(properties, key) ? properties[key] : undefined
    const [pattern] = isObject(patternProperties) ? Object.values(patternProperties) : []
    const inner = known ?? pattern
    return isObject(inner) ? namedFiles(inner, entry, [...path, key]) : []
  })
}

function isFile(path: Path): boolean {
  const [parent, key] = path.slice(-2)
  return /File$/.test(String(key)) || /FromFiles$/.test(String(parent))
}

/** Looks whether the files are there and hold what they should. Their contents are told to nobody. */
export async function checkNamedFiles(files: readonly NamedFile[]): Promise<readonly PolicyProblem[]> {
  // Many policies may name one file.
  const texts = new Map<string, Promise<string | { readonly fault: string }>>()
  const problems = await Promise.all(
    files.map(async ({ file, key, problem }) => {
      const read = texts.get(file) ?? textOf(file)
      texts.set(file, read)
      const text = await read
      const fault = typeof text === 'string' ? contentFault(key, text) : text.fault
      return fault === undefined ? [] : [problem(`${file} ${fault}`)]
    })
  )
  return problems.flat()
}

async function textOf(file: string): Promise<string | { readonly fault: string }> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
    return { fault: code === 'ENOENT' ? 'is not there' : `cannot be read (${code})` }
  }
}

function contentFault(key: string, text: string): string | undefined {
  if (text.trim() === '') return 'is empty'
  switch (key) {
    case 'caFile':
    case 'certFile':
      return holds(() => new X509Certificate(text)) ? undefined : 'holds no certificate (PEM)'
    case 'keyFile':
      return holds(() => createPrivateKey(text)) ? undefined : 'holds no key (PEM) that can be read without a password'
    case 'urlFile':
      return URL.canParse(text.trim()) && /^https?:$/.test(new URL(text.trim()).protocol)
        ? undefined
        : 'holds no URL with https:// or http://'
    default:
      return undefined
  }
}

function holds(read: () => unknown): boolean {
  try {
    read()
    return true
  } catch {
    return false
  }
}
