import type { BulkRows } from './bulk.ts'
import type { SqliteFile } from './sqlite-file.ts'
import { insertRows } from './sqlite-intake.ts'

/**
 * Prepared statements, run row by row: for SQLite that is several times quicker than one long statement, whose text has to
 * be built and parsed each time. They join the transaction that is open: there is one connection that writes.
 */
export function sqliteBulk(file: SqliteFile): BulkRows {
  const prepare = (sql: string) => file.prepare(sql).statement
  return {
    async insert(_transaction, table, rows) {
      insertRows(prepare, table, rows)
    },

    async admitted(_transaction, incidents) {
      const update = prepare(
        'update incidents set admitted_at = ?, target_key = coalesce(?, target_key), target_uid = coalesce(?, target_uid) where id = ?'
      )
      for (const { id, at, targetKey, targetUid } of incidents) update.run(at, targetKey, targetUid, id)
    }
  }
}
