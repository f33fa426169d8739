import type { SQLInputValue } from 'node:sqlite'
import { isObject, type JsonObject } from '../domain/json.ts'
import type { BulkRows, KnownIncident } from './bulk.ts'
import type { SqliteThread } from './sqlite-thread.ts'

/**
 * Prepared statements, run row by row: for SQLite that is several times quicker than one long statement, whose text has to
 * be built and parsed each time. They join the transaction that is open: there is one connection.
 */
export function sqliteBulk(thread: SqliteThread): BulkRows {
  const each = async (sql: string, rows: readonly (readonly SQLInputValue[])[]): Promise<void> => {
    if (rows.length > 0) await thread.call({ op: 'run-each', sql, each: rows })
  }
  return {
    async insert(_transaction, table, rows) {
      const first = rows[0]
      if (first === undefined) return
      const columns = Object.keys(first)
      const values = rows.map((row): SQLInputValue[] => Object.values(row))
      if (values.some(list => list.length !== columns.length)) throw new Error(`a row of ${table} has other columns than the first`)
      await each(`insert into ${table} (${columns.join(', ')}) values (${columns.map(() => '?').join(', ')})`, values)
    },

    async newestIncidents(_transaction, wanted) {
      const columns = 'id, source, identity, state, episode_starts_at, resolved_at, reopened, last_seen_at'
      const found = await thread.call({
        op: 'first-of-each',
        // An open one is always the newest. Each of the two has its own partial index.
        sql: [
          `select ${columns} from incidents where source = ? and identity = ? and state = 'open'`,
          `select ${columns} from incidents where source = ? and identity = ? and state <> 'open' order by opened_at desc, id desc limit 1`
        ],
        each: wanted.map(({ source, identity }) => [source, identity])
      })
      return Array.isArray(found) ? found.filter(isObject).map(toKnown) : []
    },

    seen: (_transaction, incidents) =>
      each(
        'update incidents set last_seen_at = ? where id = ?',
        incidents.map(({ id, last_seen_at }) => [last_seen_at, id])
      ),

    wake: (_transaction, incidentIds, now) =>
      each(
        `update runs set next_at = ?1 where incident_id = ?2 and state = 'waiting' and next_at > ?1`,
        [...incidentIds].map(id => [now, id])
      ),

    admitted: (_transaction, incidents) =>
      each(
        'update incidents set admitted_at = ?, target_key = coalesce(?, target_key), target_uid = coalesce(?, target_uid) where id = ?',
        incidents.map(({ id, at, targetKey, targetUid }) => [at, targetKey, targetUid, id])
      )
  }
}

function toKnown(row: JsonObject): KnownIncident {
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
