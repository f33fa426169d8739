import { join } from 'node:path'
import type { Ids } from '../../base/clock.ts'
import { shared } from '../../base/coalesce.ts'
import type { Ledger } from '../../domain/ports/ledger.ts'
import { type ChainHead, hasHead } from '../audit-chain.ts'
import type { Database } from '../database.ts'
import { LedgerError } from '../ledger-error.ts'
import { takeUpWhatWasLeft } from '../recovery.ts'
import { hasLedger, LEDGER_FILE, openSqliteFile, type SqliteFile } from './file.ts'
import { lockFolder } from './folder-lock.ts'
import { openHandle } from './handle.ts'
import { lostRows, readKeptHead, writeKeptHead } from './kept-head.ts'
import { plainFault } from './plain-fault.ts'

export interface SqliteLedger extends Ledger {
  /** Keeps the head of the audit log beside the ledger, if it is another than when it was last kept. */
  keepHead(): Promise<void>
}

/**
 * Opens, or makes, the ledger in a folder of its own.
 * @throws LedgerError where the folder cannot be written to, another process holds it, or it held another ledger
 */
export async function openSqliteLedger(folder: string, ids: Ids): Promise<SqliteLedger> {
  const lock = lockFolder(folder)
  const path = join(folder, LEDGER_FILE)
  try {
    const file = await openSqliteFile(path).catch((cause: unknown) => {
      throw ledgerError(path, 'opened', cause)
    })
    const { ledger, keepHead } = await openAlone(folder, file, ids).catch((cause: unknown) => {
      throw cause instanceof LedgerError ? cause : ledgerError(path, 'used', cause)
    })
    return {
      ...ledger,
      keepHead,
      async close() {
        // A disk that takes no head keeps nobody from closing. The head of before still holds.
        await keepHead().catch(() => {})
        await ledger.close()
        lock.close()
      }
    }
  } catch (cause) {
    lock.close()
    throw cause
  }
}

async function openAlone(folder: string, file: SqliteFile, ids: Ids): Promise<{ readonly ledger: Ledger; keepHead(): Promise<void> }> {
  const kept = await closing(file, async () => {
    const head = readKeptHead(folder)
    // Asked before the migrations, which would make an empty ledger of what is left.
    if (head !== undefined && !hasLedger(file)) throw lostRows(folder, head)
    return head
  })
  const { database, ledger } = await openHandle(file, ids)
  return closing(ledger, async () => {
    if (kept !== undefined && !(await hasHead(database.db, kept))) throw lostRows(folder, kept)
    await takeUpWhatWasLeft(database)
    const keepHead = keeping({ folder, file, database }, kept)
    await keepHead()
    return { ledger, keepHead }
  })
}

/** Does the work, and closes what is open where it fails. */
async function closing<T>(opened: { close(): Promise<void> }, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    await opened.close()
    throw cause
  }
}

function keeping(
  { folder, file, database }: { readonly folder: string; readonly file: SqliteFile; readonly database: Database },
  before: ChainHead | undefined
): () => Promise<void> {
  let kept = before
  return shared(async () => {
    const head = await database.db.selectFrom('audit_head').select(['seq', 'hash']).where('id', '=', 1).executeTakeFirstOrThrow()
    if (head.seq === kept?.seq && head.hash === kept.hash) return
    // A row that is only in the system's memory may be lost with its power, and its head must not outlive it.
    await file.synced()
    await writeKeptHead(folder, head).catch((cause: unknown) => {
      throw plainFault(cause)
    })
    kept = head
  })
}

function ledgerError(path: string, done: 'opened' | 'used', cause: unknown): LedgerError {
  const plain = plainFault(cause)
  return new LedgerError(`the ledger ${path} cannot be ${done}: ${plain instanceof Error ? plain.message : String(plain)}`, { cause })
}
