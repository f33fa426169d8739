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

/** Kysely's SQLite dialect over the ledger's thread: one connection, which a transaction has for itself until it ends. */
export function sqliteThreadDialect(thread: SqliteThread): Dialect & {
  /** One request as a transaction of its own, in a single trip to the thread. */
  transact(request: SqliteRequest): Promise<unknown>
} {
  const { driver, transact } = createDriver(thread)
  return {
    transact,
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => driver,
    createIntrospector: db => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler()
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

  /** Lets the next one in, or commits what there is. */
  async function leave(release: string): Promise<void> {
    const members = group ?? []
    if (turns.length > 0 && members.length < TOGETHER) {
      if (release !== '') await exec(release)
      return passTurn()
    }
    try {
      await exec(`${release}; commit`)
      for (const member of members) member.resolve()
    } catch (cause) {
      await exec('rollback').catch(() => {})
      for (const member of members) member.reject(cause)
    }
    group = undefined
    passTurn()
  }

  class Turn implements DatabaseConnection {
    /** Set from the begin of a transaction until its end has passed the turn on. */
    #passed = false
    #wrote = false
    #inTransaction = false

    async executeQuery<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
      // The thread answers with what SQLite has: rows of the columns that the typed query names.
      const { rows, changed } = (await thread.call({
        op: 'query',
        sql: query.sql,
        values: query.parameters.map(toSql)
      })) as ThreadAnswer<Row>
      this.#wrote ||= changed !== undefined || !query.sql.startsWith('select')
      return {
        rows,
        ...(changed === undefined ? {} : { numAffectedRows: BigInt(changed.changes), insertId: BigInt(changed.lastInsertRowid) })
      }
    }

    // biome-ignore lint/correctness/useYield: nothing of ours streams; the interface asks for a generator.
    async *streamQuery(): AsyncIterableIterator<never> {
      throw new Error('the ledger does not stream')
    }

    async begin(): Promise<void> {
      this.#inTransaction = true
      await exec(group === undefined ? 'begin; savepoint own' : 'savepoint own')
      group ??= []
    }

    async commit(): Promise<void> {
      const committed = this.#join()
      await leave('release own')
      return committed
    }

    async rollback(): Promise<void> {
      this.#passed = true
      await leave('rollback to own; release own')
    }

    async release(): Promise<void> {
      if (this.#passed) return
      // A single statement outside a transaction: committed by itself, or with the group that it came into.
      if (this.#inTransaction || group === undefined) return passTurn()
      if (!this.#wrote) return leave('')
      const committed = this.#join()
      await leave('')
      return committed
    }

    #join(): Promise<void> {
      this.#passed = true
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      // Whoever commits the group answers; a failure is everybody's.
      promise.catch(() => {})
      group?.push({ resolve, reject })
      return promise
    }
  }

  const turnOf = (connection: DatabaseConnection): Turn => {
    if (!(connection instanceof Turn)) throw new Error('not a connection of this driver')
    return connection
  }
  async function takeTurn(): Promise<void> {
    if (taken) await new Promise<void>(resolve => turns.push(resolve))
    taken = true
  }
  const driver: Driver = {
    async init() {},
    async acquireConnection() {
      await takeTurn()
      return new Turn()
    },
    releaseConnection: connection => turnOf(connection).release(),
    beginTransaction: connection => turnOf(connection).begin(),
    commitTransaction: connection => turnOf(connection).commit(),
    rollbackTransaction: connection => turnOf(connection).rollback(),
    destroy: () => thread.close()
  }
  return {
    driver,
    async transact(request) {
      await takeTurn()
      const turn = new Turn()
      if (group === undefined)
        try {
          return await thread.call({ op: 'transaction', request })
        } finally {
          passTurn()
        }
      await turn.begin()
      let value: unknown
      try {
        value = await thread.call(request)
      } catch (cause) {
        await turn.rollback()
        throw cause
      }
      await turn.commit()
      return value
    }
  }
}

function toSql(value: unknown): SQLInputValue {
  if (value === null || typeof value === 'number' || typeof value === 'string' || typeof value === 'bigint') return value
  if (typeof value === 'boolean') return value ? 1 : 0
  throw new TypeError(`a ${typeof value} cannot be stored`)
}
