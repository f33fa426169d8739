import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import type { BulkRows, KnownIncident } from './bulk.ts'

/**
 * Prepared statements, run row by row: for SQLite that is several times quicker than one long statement, whose text has to
 * be built and parsed each time. They join the transaction that is open: there is one connection.
 */
export function sqliteBulk(database: DatabaseSync): BulkRows {
  const prepared = new Map<string, StatementSync>()
  const statement = (sql: string): StatementSync => {
    const found = prepared.get(sql) ?? database.prepare(sql)
    prepared.set(sql, found)
    return found
  }
  return {
    async insert(_transaction, table, rows) {
      const first = rows[0]
      if (first === undefined) return
      const columns = Object.keys(first)
      const insert = statement(`insert into ${table} (${columns.join(', ')}) values (${columns.map(() => '?').join(', ')})`)
      for (const row of rows) {
        const values: SQLInputValue[] = Object.values(row)
        if (values.length !== columns.length) throw new Error(`a row of ${table} has other columns than the first`)
        insert.run(...values)
      }
    },

    async newestIncidents(_transaction, wanted) {
      const columns = 'id, source, identity, state, episode_starts_at, resolved_at, reopened, last_seen_at'
      // An open one is always the newest. Each of the two has its own partial index.
      const open = statement(`select ${columns} from incidents where source = ? and identity = ? and state = 'open'`)
      const closed = statement(
        `select ${columns} from incidents where source = ? and identity = ? and state <> 'open' order by opened_at desc, id desc limit 1`
      )
      return wanted.flatMap(({ source, identity }) => {
        const row = open.get(source, identity) ?? closed.get(source, identity)
        return row === undefined ? [] : [toKnown(row)]
      })
    },

    async seen(_transaction, incidents) {
      const update = statement('update incidents set last_seen_at = ? where id = ?')
      for (const { id, last_seen_at } of incidents) update.run(last_seen_at, id)
    },

    async wake(_transaction, incidentIds, now) {
      const update = statement(`update runs set next_at = ?1 where incident_id = ?2 and state = 'waiting' and next_at > ?1`)
      for (const id of incidentIds) update.run(now, id)
    },

    async admitted(_transaction, incidents) {
      const update = statement(
        'update incidents set admitted_at = ?, target_key = coalesce(?, target_key), target_uid = coalesce(?, target_uid) where id = ?'
      )
      for (const { id, at, targetKey, targetUid } of incidents) update.run(at, targetKey, targetUid, id)
    }
  }
}

function toKnown(row: Record<string, unknown>): KnownIncident {
  const text = (name: string): string => {
    const value = row[name]
    if (typeof value !== 'string') throw new Error(`incidents.${name} is not a text`)
    return value
  }
  const number = (name: string): number => {
    const value = row[name]
    if (typeof value !== 'number') throw new Error(`incidents.${name} is not a number`)
    return value
  }
  return {
    id: text('id'),
    source: text('source'),
    identity: text('identity'),
    state: text('state'),
    episode_starts_at: number('episode_starts_at'),
    resolved_at: row['resolved_at'] === null ? null : number('resolved_at'),
    reopened: number('reopened'),
    last_seen_at: number('last_seen_at')
  }
}
