import { closeSync, fdatasync, openSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { scheduler } from 'node:timers/promises'
import { promisify } from 'node:util'
import { shared } from '../../base/coalesce.ts'
import { plainFault } from './plain-fault.ts'

const syncData = promisify(fdatasync)

/** The name of the ledger's file in its folder. */
export const LEDGER_FILE = 'ledger.sqlite'

/** How many statements are kept prepared. The ledger has some fifty texts, plus lists of different lengths. */
const KEPT_STATEMENTS = 200

export interface Prepared {
  readonly statement: StatementSync
  /** True where the statement answers with rows. */
  readonly reads: boolean
}

/** An SQLite database. One connection writes, one reads what is committed, and waiting for the disk is a call of its own. */
export interface SqliteFile {
  prepare(sql: string): Prepared
  /** Reads on the connection that sees only what is committed, whatever transaction is open. */
  read(sql: string, values: readonly SQLInputValue[]): unknown[]
  exec(sql: string): void
  /**
   * Begins a transaction that holds the only lock for writing. Where another connection has the lock it waits, without blocking
   * this process. @throws Error when that takes longer than five seconds
   */
  beginWriting(): Promise<void>
  /** Ends the transaction without its writes. After some faults, such as a full disk, SQLite has done so by itself. */
  rollback(): void
  /**
   * Resolves when everything that was committed before this call is on the disk. Calls that wait at the same time share one sync.
   * @throws Error once a sync has failed, because what is on the disk is then not known, and nothing can be promised any more
   */
  synced(): Promise<void>
  close(): Promise<void>
}

/**
 * Opens the file. SQLite's `commit` writes the write-ahead log, and Astern syncs it in the system's thread pool. So a slow disk
 * holds up only those who wait for it, and not the whole process. SQLite's `synchronous = normal` allows this: it writes the log
 * in order, and syncs it before anything of it goes to the database file (https://www.sqlite.org/wal.html).
 *
 * The cache of 16 MB holds the pages that a storm of new alerts touches. With SQLite's own 2 MB they would be read again and
 * again. The log is moved into the database at 16 MB, four times SQLite's own limit, because each move costs two syncs.
 */
const PRAGMAS =
  'pragma journal_mode = wal; pragma synchronous = normal; pragma foreign_keys = on; pragma busy_timeout = 5000; pragma cache_size = -16000; pragma wal_autocheckpoint = 4000'

/** How often the lock is tried: five seconds in all, which is far longer than any transaction of Astern's. */
const LOCK_TRIES = 2_500
const LOCK_AGAIN_MS = 2
/** https://www.sqlite.org/rescode.html#busy; the higher bits say more. */
const SQLITE_BUSY = 5

/** @throws Error where the file cannot be opened. */
export async function openSqliteFile(file: string): Promise<SqliteFile> {
  makePrivate(file)
  const database = new DatabaseSync(file)
  let log: FileHandle
  try {
    database.exec(PRAGMAS)
    // The first write makes the log's file. The file's name must be on the disk too before anything in it counts.
    database.exec('create table if not exists opened (at integer); drop table opened')
    log = await open(`${file}-wal`, 'r+')
    const folder = await open(dirname(file), 'r')
    await folder.sync()
    await folder.close()
    // SQLite's own waiting would block the whole process, and with it the transaction that has the lock.
    database.exec('pragma busy_timeout = 0')
  } catch (cause) {
    database.close()
    throw cause
  }
  const reader = openReader(file)
  const prepare = preparing(database)
  let broken: Error | undefined
  const synced = shared(async () => {
    if (broken !== undefined) throw broken
    try {
      await syncData(log.fd)
    } catch (cause) {
      const plain = plainFault(cause)
      broken = new Error(`the disk did not take the ledger's log: ${plain instanceof Error ? plain.message : String(plain)}`, { cause })
      throw broken
    }
  })

  return {
    prepare,
    read: reader.read,
    exec: sql => database.exec(sql),
    async beginWriting() {
      for (let tries = 1; ; tries += 1) {
        try {
          // A plain `begin` would take the lock only at the first write. What was read before may then be out of date, and SQLite refuses
          // the write (SQLITE_BUSY_SNAPSHOT).
          database.exec('begin immediate')
          return
        } catch (cause) {
          if (!isBusy(cause) || tries >= LOCK_TRIES) throw cause
        }
        await scheduler.wait(LOCK_AGAIN_MS)
      }
    },
    rollback() {
      if (database.isTransaction) database.exec('rollback')
    },
    synced,
    async close() {
      await synced().catch(() => {})
      reader.close()
      await log.close()
      database.close()
    }
  }
}

/** Makes the file, if it is not there, for this user alone. SQLite's own files beside it get the mode of the file. */
export function makePrivate(file: string): void {
  closeSync(openSync(file, 'a', 0o600))
}

function isBusy(cause: unknown): boolean {
  return cause instanceof Error && 'errcode' in cause && typeof cause.errcode === 'number' && (cause.errcode & 0xff) === SQLITE_BUSY
}

/** Opens a database for reading, also while another process writes it. @throws Error where there is none */
export function openReader(file: string): {
  read(sql: string, values: readonly SQLInputValue[]): unknown[]
  exec(sql: string): void
  close(): void
} {
  const database = new DatabaseSync(file, { readOnly: true })
  database.exec('pragma busy_timeout = 5000')
  const prepare = preparing(database)
  return {
    read: (sql, values) => prepare(sql).statement.all(...values),
    exec: sql => database.exec(sql),
    close: () => database.close()
  }
}

/** Whether the file holds a ledger, and not just nothing yet. */
export function hasLedger(file: Pick<SqliteFile, 'read'>): boolean {
  return file.read(`select 1 from sqlite_master where type = 'table' and name = 'audit_head'`, []).length > 0
}

function preparing(database: DatabaseSync): (sql: string) => Prepared {
  const kept = new Map<string, Prepared>()
  return sql => {
    const found = kept.get(sql)
    if (found !== undefined) return found
    const statement = database.prepare(sql)
    if (kept.size >= KEPT_STATEMENTS) kept.delete(kept.keys().next().value ?? '')
    const prepared = { statement, reads: statement.columns().length > 0 }
    kept.set(sql, prepared)
    return prepared
  }
}
