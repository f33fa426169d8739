import { fdatasync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { scheduler } from 'node:timers/promises'
import { promisify } from 'node:util'
import { shared } from '../../base/coalesce.ts'

const syncData = promisify(fdatasync)

/** The ledger's file in its folder. */
export const LEDGER_FILE = 'ledger.sqlite'

/** Statements kept prepared; the ledger has some fifty texts, plus lists of different lengths. */
const KEPT_STATEMENTS = 200

export interface Prepared {
  readonly statement: StatementSync
  /** True where it answers rows. */
  readonly reads: boolean
}

/** An SQLite database with one connection that writes, one that reads what is committed, and a disk that is waited for apart. */
export interface SqliteFile {
  prepare(sql: string): Prepared
  /** On the connection that sees only what is committed, whatever transaction is open. */
  read(sql: string, values: readonly SQLInputValue[]): unknown[]
  exec(sql: string): void
  /**
   * Begins a transaction that holds the only lock for writing; waits for another connection that has it, without holding
   * up this process. @throws Error when that takes longer than five seconds.
   */
  beginWriting(): Promise<void>
  /**
   * Resolves when everything that was committed before this call is on the disk. Those who wait at the same time share one
   * sync. @throws Error once a sync has failed: what is on the disk is then not known, and nothing is promised any more.
   */
  synced(): Promise<void>
  close(): Promise<void>
}

/**
 * The write-ahead log is written by `commit` and synced by us, in the system's thread pool: a slow disk then holds up those
 * who wait for it, and not the whole process. SQLite's `synchronous = normal` is made for this: it writes the log in order,
 * and syncs it before anything of it goes to the database file (https://www.sqlite.org/wal.html).
 *
 * The cache of 16 MB holds the pages that a storm of new alerts touches; SQLite's own 2 MB would read them again and again.
 * The log is moved into the database at 16 MB, four times SQLite's own limit: each time costs two syncs that nobody shares.
 */
const PRAGMAS =
  'pragma journal_mode = wal; pragma synchronous = normal; pragma foreign_keys = on; pragma busy_timeout = 5000; pragma cache_size = -16000; pragma wal_autocheckpoint = 4000'

/** Five seconds in all: far longer than any transaction of ours. */
const LOCK_TRIES = 2_500
const LOCK_AGAIN_MS = 2
/** https://www.sqlite.org/rescode.html#busy; the higher bits say more. */
const SQLITE_BUSY = 5

/** @throws Error where the file cannot be opened. */
export async function openSqliteFile(file: string): Promise<SqliteFile> {
  const database = new DatabaseSync(file)
  let log: FileHandle
  try {
    database.exec(PRAGMAS)
    // The first write makes the log; its name must be on the disk as well before anything in it counts.
    database.exec('create table if not exists opened (at integer); drop table opened')
    log = await open(`${file}-wal`, 'r+')
    const folder = await open(dirname(file), 'r')
    await folder.sync()
    await folder.close()
    // SQLite itself would wait by holding up the whole process, and with it whoever has the lock here.
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
      broken = new Error(`the disk did not take the ledger's log: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
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
          // Not plain `begin`, which takes the lock at the first write: what was read before may then be out of date, and
          // SQLite refuses the write (SQLITE_BUSY_SNAPSHOT).
          database.exec('begin immediate')
          return
        } catch (cause) {
          if (!isBusy(cause) || tries >= LOCK_TRIES) throw cause
        }
        await scheduler.wait(LOCK_AGAIN_MS)
      }
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

function isBusy(cause: unknown): boolean {
  return cause instanceof Error && 'errcode' in cause && typeof cause.errcode === 'number' && (cause.errcode & 0xff) === SQLITE_BUSY
}

/** Reads a database, also while another process writes it. @throws Error where there is none. */
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
