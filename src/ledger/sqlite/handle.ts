import type { Ids } from '../../base/clock.ts'
import type { Ledger } from '../../domain/ports/ledger.ts'
import type { Database } from '../database.ts'
import { createLedger } from '../ledger.ts'
import { migrate } from '../migrations/migrations.ts'
import { sqliteDatabase } from './database.ts'
import type { SqliteFile } from './file.ts'

/** A ledger on a file, which other ledgers may have open too. Closing the ledger closes the file. */
export interface Handle {
  readonly database: Database
  readonly ledger: Ledger
}

/**
 * Makes a ledger of an open file, without the folder's lock. `openSqliteLedger` takes the lock first, so that a second process
 * never gets here; tests open several ledgers. Closes the file where it fails.
 */
export async function openHandle(file: SqliteFile, ids: Ids): Promise<Handle> {
  const database = sqliteDatabase(file)
  try {
    await migrate(database)
  } catch (cause) {
    await database.db.destroy()
    throw cause
  }
  return { database, ledger: createLedger(database, ids) }
}
