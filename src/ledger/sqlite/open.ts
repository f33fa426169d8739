import { join } from 'node:path'
import type { Ids } from '../../base/clock.ts'
import type { Ledger } from '../../domain/ports/ledger.ts'
import { LedgerError } from '../ledger-error.ts'
import { takeUpWhatWasLeft } from '../recovery.ts'
import { LEDGER_FILE, openSqliteFile, type SqliteFile } from './file.ts'
import { lockFolder } from './folder-lock.ts'
import { openHandle } from './handle.ts'

/**
 * Opens, or makes, the ledger in a folder of its own.
 * @throws LedgerError where the folder cannot be written to or another process holds it.
 */
export async function openSqliteLedger(folder: string, ids: Ids): Promise<Ledger> {
  const lock = lockFolder(folder)
  const path = join(folder, LEDGER_FILE)
  try {
    const file = await openSqliteFile(path).catch((cause: unknown) => {
      throw ledgerError(path, 'opened', cause)
    })
    const ledger = await openAlone(file, ids).catch((cause: unknown) => {
      throw ledgerError(path, 'used', cause)
    })
    return {
      ...ledger,
      async close() {
        await ledger.close()
        lock.close()
      }
    }
  } catch (cause) {
    lock.close()
    throw cause
  }
}

async function openAlone(file: SqliteFile, ids: Ids): Promise<Ledger> {
  const { database, ledger } = await openHandle(file, ids)
  try {
    await takeUpWhatWasLeft(database)
    return ledger
  } catch (cause) {
    await ledger.close()
    throw cause
  }
}

function ledgerError(path: string, done: 'opened' | 'used', cause: unknown): LedgerError {
  return new LedgerError(`the ledger ${path} cannot be ${done}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
}
