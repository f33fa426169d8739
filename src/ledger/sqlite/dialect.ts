import type { SQLInputValue } from 'node:sqlite'
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler
} from 'kysely'
import type { openReader, SqliteFile } from './file.ts'
import { plainFault } from './plain-fault.ts'

/** Kysely's SQLite dialect over the ledger's file. A transaction resolves when the disk has it. */
export function sqliteDialect(file: SqliteFile): Dialect {
  return dialectOf(createDriver(file))
}

/** Kysely's dialect for a file that is only read. Each transaction sees one state of it. */
export function readingDialect(reader: ReturnType<typeof openReader>): Dialect {
  const execute = (sql: string) => async (): Promise<void> => reader.exec(sql)
  const connection: DatabaseConnection = {
    executeQuery: async <Row>(query: CompiledQuery) => rowsOf<Row>(reader.read(query.sql, query.parameters.map(toSql))),
    streamQuery: refuseToStream
  }
  return dialectOf({
    async init() {},
    acquireConnection: async () => connection,
    async releaseConnection() {},
    beginTransaction: execute('begin'),
    commitTransaction: execute('commit'),
    rollbackTransaction: execute('rollback'),
    destroy: async () => reader.close()
  })
}

function dialectOf(driver: Driver): Dialect {
  return {
    createAdapter: () => new TakingTurns(),
    createDriver: () => driver,
    createIntrospector: db => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler()
  }
}

/** Turns off Kysely's own lock, which would let through only one query at a time, reads included. The driver below orders writes. */
class TakingTurns extends SqliteAdapter {
  override get supportsMultipleConnections(): boolean {
    return true
  }
}

/**
 * Transactions take turns on the one connection that writes. The next begins as soon as the one before is in the log; each
 * resolves when the log is on the disk, which those that end at about the same time wait for together (group commit).
 */
function createDriver(file: SqliteFile): Driver {
  const waiting: (() => void)[] = []
  let taken = false

  async function takeTurn(): Promise<void> {
    if (taken) await new Promise<void>(resolve => waiting.push(resolve))
    taken = true
  }

  function passTurn(): void {
    const next = waiting.shift()
    if (next === undefined) taken = false
    else next()
  }

  class Connection implements DatabaseConnection {
    #inTransaction = false

    async executeQuery<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
      const values = query.parameters.map(toSql)
      if (this.#inTransaction) return run<Row>(query.sql, values)
      // A read outside a transaction sees what is committed, and waits for nobody.
      if (/^select\b/i.test(query.sql)) return rowsOf<Row>(file.read(query.sql, values))
      return alone(() => run<Row>(query.sql, values))
    }

    streamQuery = refuseToStream

    async begin(): Promise<void> {
      await takeTurn()
      try {
        await file.beginWriting()
      } catch (cause) {
        passTurn()
        throw cause
      }
      this.#inTransaction = true
    }

    async commit(): Promise<void> {
      // Where this fails, the transaction keeps its turn for the rollback that follows.
      file.exec('commit')
      this.#inTransaction = false
      const onDisk = file.synced()
      passTurn()
      await onDisk
    }

    async rollback(): Promise<void> {
      // A commit that reached the log but not the disk has nothing left to roll back.
      if (!this.#inTransaction) return
      this.#inTransaction = false
      try {
        file.rollback()
      } finally {
        passTurn()
      }
    }
  }

  function run<Row>(sql: string, values: readonly SQLInputValue[]): QueryResult<Row> {
    const { statement, reads } = file.prepare(sql)
    if (reads) return rowsOf<Row>(statement.all(...values))
    const { changes, lastInsertRowid } = statement.run(...values)
    return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) }
  }

  /** A statement outside a transaction is a transaction of its own. */
  async function alone<T>(work: () => T): Promise<T> {
    const own = new Connection()
    await own.begin()
    try {
      const value = work()
      await own.commit()
      return value
    } catch (cause) {
      await own.rollback()
      throw plainFault(cause)
    }
  }

  const ours = (connection: DatabaseConnection): Connection => {
    if (!(connection instanceof Connection)) throw new Error('not a connection of this driver')
    return connection
  }
  return {
    async init() {},
    acquireConnection: async () => new Connection(),
    async releaseConnection() {},
    beginTransaction: connection => ours(connection).begin(),
    commitTransaction: connection => ours(connection).commit(),
    rollbackTransaction: connection => ours(connection).rollback(),
    destroy: () => file.close()
  }
}

/** SQLite's rows have the columns that the typed query names. */
function rowsOf<Row>(rows: unknown[]): QueryResult<Row> {
  return { rows: rows as Row[] }
}

function refuseToStream(): never {
  throw new Error('the ledger does not stream')
}

function toSql(value: unknown): SQLInputValue {
  if (value === null || typeof value === 'number' || typeof value === 'string' || typeof value === 'bigint') return value
  if (value instanceof Uint8Array) return value
  if (typeof value === 'boolean') return value ? 1 : 0
  throw new TypeError(`a ${typeof value} cannot be stored`)
}
