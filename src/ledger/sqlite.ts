import { accessSync, constants, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Kysely } from 'kysely'
import type { Ids } from '../base/clock.ts'
import type { AuditRow } from '../domain/audit.ts'
import type { Ledger } from '../domain/ports/ledger.ts'
import { type ChainReport, toAuditRow, verifyChain } from './audit-chain.ts'
import type { StoreDeliveries } from './intake.ts'
import { createLedger } from './ledger.ts'
import { migrate } from './migrations.ts'
import { sqliteBulk } from './sqlite-bulk.ts'
import { readingDialect, sqliteDialect } from './sqlite-dialect.ts'
import { openReader, openSqliteFile, type SqliteFile } from './sqlite-file.ts'
import { storeDeliveries } from './sqlite-intake.ts'
import type { Tables } from './tables.ts'

/** A ledger that cannot be opened: the message says what, where and what to do. */
export class LedgerError extends Error {}

const FILE = 'ledger.sqlite'

/**
 * Opens, or makes, the ledger in a folder of its own.
 * @throws LedgerError where the folder cannot be written to or another process holds it.
 */
export async function openSqliteLedger(folder: string, ids: Ids): Promise<Ledger> {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (cause) {
    throw new LedgerError(`the data folder ${folder} cannot be written to: give --data-dir a folder that this user may write`, { cause })
  }
  const lock = lockFolder(folder)
  let file: SqliteFile
  try {
    file = await openSqliteFile(join(folder, FILE))
  } catch (cause) {
    lock.close()
    throw new LedgerError(`the ledger ${join(folder, FILE)} cannot be opened: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause
    })
  }
  const dialect = sqliteDialect(file)
  const db = new Kysely<Tables>({ dialect })
  const store: StoreDeliveries = (deliveries, ids) =>
    dialect.transact(() => storeDeliveries(sql => file.prepare(sql).statement, deliveries, ids))
  try {
    await migrate(db)
    const ledger = createLedger(db, sqliteBulk(file), store, ids)
    await ledger.releaseAll()
    return {
      ...ledger,
      async close() {
        await ledger.close()
        lock.close()
      }
    }
  } catch (cause) {
    await db.destroy()
    lock.close()
    throw cause instanceof LedgerError
      ? cause
      : new LedgerError(`the ledger ${join(folder, FILE)} cannot be used: ${cause instanceof Error ? cause.message : String(cause)}`, {
          cause
        })
  }
}

/**
 * Two processes on one folder would both believe that they alone act. The lock is SQLite's own on a file beside the
 * ledger: the system drops it when the process dies, however it dies, and the ledger itself stays readable for `audit verify`.
 */
function lockFolder(folder: string): DatabaseSync {
  let lock: DatabaseSync | undefined
  try {
    lock = new DatabaseSync(join(folder, 'lock.sqlite'))
    lock.exec('pragma busy_timeout = 0; begin exclusive')
    return lock
  } catch (cause) {
    lock?.close()
    const locked = cause instanceof Error && /locked|busy/i.test(cause.message)
    throw new LedgerError(
      locked
        ? `another Astern uses the data folder ${folder}: stop it, or give this one another --data-dir`
        : `the data folder ${folder} cannot be written to: give --data-dir a folder that this user may write`,
      { cause }
    )
  }
}

export interface AuditFile {
  verify(): Promise<ChainReport>
  rows(after: number, limit: number): Promise<readonly AuditRow[]>
  close(): Promise<void>
}

/** Reads the audit log of a folder, also while Astern uses it. @throws LedgerError */
export async function openAuditFile(folder: string): Promise<AuditFile> {
  let reader: ReturnType<typeof openReader>
  try {
    reader = openReader(join(folder, FILE))
  } catch (cause) {
    throw new LedgerError(`there is no ledger that can be read in ${folder}: give --data-dir the folder that \`astern serve\` uses`, {
      cause
    })
  }
  const db = new Kysely<Tables>({ dialect: readingDialect(reader) })
  return {
    // One read transaction: rows that are written meanwhile are not seen half.
    verify: () => db.transaction().execute(transaction => verifyChain(transaction)),
    async rows(after, limit) {
      return (await db.selectFrom('audit').selectAll().where('seq', '>', after).orderBy('seq').limit(limit).execute()).map(toAuditRow)
    },
    close: () => db.destroy()
  }
}
