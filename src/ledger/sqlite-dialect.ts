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
import type { SqliteRequest, SqliteThread } from './sqlite-thread.ts'

/** Kysely's SQLite dialect over the ledger's thread, which has one connection that writes, and one that reads. */
export function sqliteThreadDialect(thread: SqliteThread): Dialect & {
  /** One request as a transaction of its own, in a single trip to the thread. */
  transact(request: SqliteRequest): Promise<unknown>
} {
  const { driver, transact } = createDriver(thread)
  return {
    transact,
    createAdapter: () => new ThreadAdapter(),
    createDriver: () => driver,
    createIntrospector: db => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler()
  }
}

/** Who may speak when is the driver's business below: Kysely's own lock would let only one query through at a time. */
class ThreadAdapter extends SqliteAdapter {
  override get supportsMultipleConnections(): boolean {
    return true
  }
}

interface ThreadAnswer<Row> {
  readonly rows: Row[]
  readonly changed?: { readonly changes: number | bigint; readonly lastInsertRowid: number | bigint }
}

/** Transactions that share a commit, at most: each waits for all that came before it. */
const TOGETHER = 64

/**
 * Group commit for every transaction: those that wait for their turn while one is under way join its commit, each with a
 * savepoint of its own to fall back to. Each is told that it is committed only when the disk has it.
 */
function createDriver(thread: SqliteThread): { readonly driver: Driver; transact(request: SqliteRequest): Promise<unknown> } {
  const turns: (() => void)[] = []
  let taken = false
  let group: { readonly resolve: () => void; readonly reject: (cause: unknown) => void }[] | undefined

  const exec = (sql: string): Promise<unknown> => thread.call({ op: 'exec', sql })

  function passTurn(): void {
    const next = turns.shift()
    if (next === undefined) taken = false
    else next()
  }

  /** Ends one's own part, and lets the next one in; or commits, where nobody waits. */
  async function leave(end: string): Promise<void> {
    const members = group ?? []
    if (turns.length > 0 && members.length < TOGETHER) {
      await exec(end)
      return passTurn()
    }
    try {
      await exec(`${end}; commit`)
      for (const member of members) member.resolve()
    } catch (cause) {
      await exec('rollback').catch(() => {})
      for (const member of members) member.reject(cause)
    }
    group = undefined
    passTurn()
  }

  async function takeTurn(): Promise<void> {
    if (taken) await new Promise<void>(resolve => turns.push(resolve))
    taken = true
  }

  /** The promise of the group's commit, for whoever's part in it is done. */
  function join(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    // Whoever commits the group answers; a failure is everybody's.
    promise.catch(() => {})
    group?.push({ resolve, reject })
    return promise
  }

  class Connection implements DatabaseConnection {
    #inTransaction = false

    async executeQuery<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
      if (this.#inTransaction) return run(query, 'query')
      // What is read outside a transaction is what is on disk, and waits for nobody.
      if (/^select\b/i.test(query.sql)) return run(query, 'read')
      await this.begin()
      let result: QueryResult<Row>
      try {
        result = await run(query, 'query')
      } catch (cause) {
        await this.rollback()
        throw cause
      }
      await this.commit()
      return result
    }

    // biome-ignore lint/correctness/useYield: nothing of ours streams; the interface asks for a generator.
    async *streamQuery(): AsyncIterableIterator<never> {
      throw new Error('the ledger does not stream')
    }

    async begin(): Promise<void> {
      await takeTurn()
      this.#inTransaction = true
      await exec(group === undefined ? 'begin; savepoint own' : 'savepoint own')
      group ??= []
    }

    async commit(): Promise<void> {
      this.#inTransaction = false
      const committed = join()
      await leave('release own')
      return committed
    }

    async rollback(): Promise<void> {
      this.#inTransaction = false
      await leave('rollback to own; release own')
    }
  }

  async function run<Row>(query: CompiledQuery, op: 'query' | 'read'): Promise<QueryResult<Row>> {
    // The thread answers with what SQLite has: rows of the columns that the typed query names.
    const { rows, changed } = (await thread.call({ op, sql: query.sql, values: query.parameters.map(toSql) })) as ThreadAnswer<Row>
    return {
      rows,
      ...(changed === undefined ? {} : { numAffectedRows: BigInt(changed.changes), insertId: BigInt(changed.lastInsertRowid) })
    }
  }

  const ours = (connection: DatabaseConnection): Connection => {
    if (!(connection instanceof Connection)) throw new Error('not a connection of this driver')
    return connection
  }
  return {
    driver: {
      async init() {},
      acquireConnection: async () => new Connection(),
      async releaseConnection() {},
      beginTransaction: connection => ours(connection).begin(),
      commitTransaction: connection => ours(connection).commit(),
      rollbackTransaction: connection => ours(connection).rollback(),
      destroy: () => thread.close()
    },
    async transact(request) {
      await takeTurn()
      if (group === undefined)
        try {
          return await thread.call({ op: 'transaction', request })
        } finally {
          passTurn()
        }
      await exec('savepoint own')
      let value: unknown
      try {
        value = await thread.call(request)
      } catch (cause) {
        await leave('rollback to own; release own')
        throw cause
      }
      const committed = join()
      await leave('release own')
      await committed
      return value
    }
  }
}

function toSql(value: unknown): SQLInputValue {
  if (value === null || typeof value === 'number' || typeof value === 'string' || typeof value === 'bigint') return value
  if (typeof value === 'boolean') return value ? 1 : 0
  throw new TypeError(`a ${typeof value} cannot be stored`)
}
