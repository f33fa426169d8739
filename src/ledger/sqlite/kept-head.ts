import { readFileSync } from 'node:fs'
import { open, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { isObject } from '../../base/json.ts'
import type { ChainHead } from '../audit-chain.ts'
import { LedgerError } from '../ledger-error.ts'

/**
 * The head of the audit chain is kept in a file of its own beside the ledger. What SQLite has not yet moved out of the write-ahead
 * log is lost with that file, without any sign of it: the ledger is then an older one, or an empty one, and each of them verifies.
 * The kept head shows that there was more, and that the folder has held a ledger at all.
 */
const HEAD_FILE = 'ledger.head'

/** Reads the head that is kept in a folder; undefined where none is. @throws LedgerError where the file cannot be read */
export function readKeptHead(folder: string): ChainHead | undefined {
  const path = join(folder, HEAD_FILE)
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined
    throw new LedgerError(`${path} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
  }
  const head = parse(text)
  if (head === undefined)
    throw new LedgerError(`${path} does not hold the head of an audit log: put it back from a backup, or remove it to go on without it`)
  return head
}

function parse(text: string): ChainHead | undefined {
  try {
    const value: unknown = JSON.parse(text)
    if (!isObject(value)) return undefined
    const { seq, hash } = value
    return typeof seq === 'number' && Number.isSafeInteger(seq) && typeof hash === 'string' ? { seq, hash } : undefined
  } catch {
    return undefined
  }
}

/** Keeps a head whose row is on the disk already. The file is replaced as a whole, so a crash leaves the one or the other. */
export async function writeKeptHead(folder: string, { seq, hash }: ChainHead): Promise<void> {
  const path = join(folder, HEAD_FILE)
  const file = await open(`${path}.new`, 'w', 0o600)
  try {
    await file.writeFile(`${JSON.stringify({ seq, hash })}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(`${path}.new`, path)
  const directory = await open(folder, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

/** Says that the ledger in a folder is not the one that was there, and how to go on. */
export function lostRows(folder: string, kept: ChainHead): LedgerError {
  const what = kept.seq === 0 ? 'a ledger' : `row ${kept.seq} of its audit log`
  return new LedgerError(
    `the data folder ${folder} held ${what} (${HEAD_FILE}), and its ledger does not: was ledger.sqlite-wal or ledger.sqlite removed, or an older copy put in its place? Put the files back. To go on with what is there, without the budgets, cooldowns and audit rows that are lost, remove ${join(folder, HEAD_FILE)}`
  )
}
