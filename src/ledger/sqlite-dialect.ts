import type { SQLInputValue } from 'node:sqlite'
import {
  CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler
} from 'kysely'
import type { SqliteThread } from './sqlite-thread.ts'

/** Kysely's SQLite dialect over the ledger's thread: one connection, which a transaction has for itself until it ends. */
export function sqliteThreadDialect(thread: SqliteThread): Dialect {
  return {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => createDriver(thread),
    createIntrospector: db => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler()
  }
}

interface ThreadAnswer<Row> {
  readonly rows: Row[]
  readonly changed?: { readonly changes: number | bigint; readonly lastInsertRowid: number | bigint }
}

function createDriver(thread: SqliteThread): Driver {
  const connection: DatabaseConnection = {
    async executeQuery<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
      // The thread answers a query with what SQLite has: rows of the columns that the typed query names.
      const { rows, changed } = (await thread.call({
        op: 'query',
        sql: query.sql,
        values: query.parameters.map(toSql)
      })) as ThreadAnswer<Row>
      return {
        rows,
        ...(changed === undefined ? {} : { numAffectedRows: BigInt(changed.changes), insertId: BigInt(changed.lastInsertRowid) })
      }
    },
    // biome-ignore lint/correctness/useYield: nothing of ours streams; the interface asks for a generator.
    async *streamQuery() {
      throw new Error('the ledger does not stream')
    }
  }
  const say = (sql: string) => async (): Promise<void> => {
    await connection.executeQuery(CompiledQuery.raw(sql))
  }
  let turn: Promise<void> = Promise.resolve()
  let release: () => void = () => {}
  return {
    async init() {},
    async acquireConnection() {
      const before = turn
      const { promise, resolve } = Promise.withResolvers<void>()
      turn = promise
      await before
      release = resolve
      return connection
    },
    async releaseConnection() {
      release()
    },
    beginTransaction: say('begin'),
    commitTransaction: say('commit'),
    rollbackTransaction: say('rollback'),
    destroy: () => thread.close()
  }
}

function toSql(value: unknown): SQLInputValue {
  if (value === null || typeof value === 'number' || typeof value === 'string' || typeof value === 'bigint') return value
  if (typeof value === 'boolean') return value ? 1 : 0
  throw new TypeError(`a ${typeof value} cannot be stored`)
}
