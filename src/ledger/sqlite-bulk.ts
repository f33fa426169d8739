import type { BulkRows } from './bulk.ts'
import type { SqliteThread } from './sqlite-thread.ts'

/**
 * Prepared statements, run row by row: for SQLite that is several times quicker than one long statement, whose text has to
 * be built and parsed each time. They join the transaction that is open: there is one connection.
 */
export function sqliteBulk(thread: SqliteThread): BulkRows {
  return {
    async insert(_transaction, table, rows) {
      if (rows.length > 0) await thread.call({ op: 'insert', table, rows })
    },

    async admitted(_transaction, incidents) {
      await thread.call({
        op: 'run-each',
        sql: 'update incidents set admitted_at = ?, target_key = coalesce(?, target_key), target_uid = coalesce(?, target_uid) where id = ?',
        each: incidents.map(({ id, at, targetKey, targetUid }) => [at, targetKey, targetUid, id])
      })
    }
  }
}
