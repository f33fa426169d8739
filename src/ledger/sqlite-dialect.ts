import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import { SqliteDialect, type SqliteStatement } from 'kysely'

/** Statements kept prepared; the ledger has some fifty texts, plus lists of different lengths. */
const KEPT_STATEMENTS = 200

/** Kysely's SQLite dialect over Node's own SQLite. */
export function nodeSqliteDialect(database: DatabaseSync): SqliteDialect {
  const kept = new Map<string, StatementSync>()
  const prepare = (sql: string): StatementSync => {
    const found = kept.get(sql)
    if (found !== undefined) return found
    const statement = database.prepare(sql)
    if (kept.size >= KEPT_STATEMENTS) kept.delete(kept.keys().next().value ?? '')
    kept.set(sql, statement)
    return statement
  }
  return new SqliteDialect({
    database: {
      close: () => database.close(),
      prepare(sql): SqliteStatement {
        const statement = prepare(sql)
        return {
          reader: statement.columns().length > 0,
          all: parameters => statement.all(...parameters.map(toSql)),
          run: parameters => statement.run(...parameters.map(toSql)),
          iterate: parameters => database.prepare(sql).iterate(...parameters.map(toSql))
        }
      }
    }
  })
}

function toSql(value: unknown): SQLInputValue {
  if (value === null || typeof value === 'number' || typeof value === 'string' || typeof value === 'bigint') return value
  if (typeof value === 'boolean') return value ? 1 : 0
  throw new TypeError(`a ${typeof value} cannot be stored`)
}
