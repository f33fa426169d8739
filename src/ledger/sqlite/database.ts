import { Kysely, type SelectQueryBuilder } from 'kysely'
import type { Database } from '../database.ts'
import type { Tables } from '../tables.ts'
import { sqliteDialect } from './dialect.ts'
import type { SqliteFile } from './file.ts'
import { newestIncidents } from './newest-incidents.ts'
import { plainFault } from './plain-fault.ts'
import { insertRows, updateRows } from './rows.ts'
import { SQLITE_SCHEMA } from './schema.ts'

/** Implements `Database` over an open file. Destroying its `db` closes the file. */
export function sqliteDatabase(file: SqliteFile): Database {
  const db = new Kysely<Tables>({ dialect: sqliteDialect(file) })
  // Prepared statements belong to the open transaction, because one connection does all writing, one transaction at a time.
  const prepare = (sql: string) => file.prepare(sql).statement
  return {
    db,
    schema: SQLITE_SCHEMA,
    transaction: work =>
      db
        .transaction()
        .execute(query =>
          work({
            query,
            locked: asItStands,
            unclaimed: asItStands,
            insertMany: async (table, rows) => insertRows(prepare, table, rows),
            keepLabelSets: async rows => insertRows(prepare, 'label_sets', rows),
            updateIncidents: async changes => updateRows(prepare, 'incidents', changes),
            updateRuns: async changes => updateRows(prepare, 'runs', changes),
            newestIncidents: async keys => newestIncidents(prepare, keys)
          })
        )
        .catch((cause: unknown) => {
          throw plainFault(cause)
        })
  }
}

/** No row needs a lock of its own, because `begin immediate` took the only lock for writing. */
function asItStands<Table extends keyof Tables, Row>(
  query: SelectQueryBuilder<Tables, Table, Row>
): SelectQueryBuilder<Tables, Table, Row> {
  return query
}
