import type { SQLInputValue, StatementSync } from 'node:sqlite'
import { isObject } from '../base/json.ts'
import { audited } from '../domain/audited.ts'
import type { Delivery, IncidentAnswer } from '../domain/incident.ts'
import { chained } from './audit-chain.ts'
import { type KnownIncident, planIntake } from './intake-plan.ts'
import type { Tables } from './tables.ts'

/** Gives the prepared statement of a text. */
export type Prepare = (sql: string) => StatementSync

const KNOWN = 'id, source, identity, state, episode_starts_at, resolved_at, reopened, last_seen_at'
/** An open incident is always the newest. Open and closed ones have a partial index each. */
const NEWEST = [
  `select ${KNOWN} from incidents where source = ? and identity = ? and state = 'open'`,
  `select ${KNOWN} from incidents where source = ? and identity = ? and state <> 'open' order by opened_at desc, id desc limit 1`
] as const

/**
 * Stores a batch of deliveries, row by row with prepared statements, within the transaction that is open: this is the hot
 * path of a storm.
 */
export function storeDeliveries(
  prepare: Prepare,
  deliveries: readonly Delivery[],
  ids: readonly string[]
): readonly (readonly IncidentAnswer[])[] {
  const insert = prepare('insert into deliveries (id, received_at, source, raw) values (?, ?, ?, ?)')
  for (const { id, receivedAt, source, raw } of deliveries) insert.run(id, receivedAt, source, raw)
  const newest = NEWEST.map(prepare)
  let used = 0
  const plan = planIntake(
    deliveries,
    (source, identity) => {
      for (const statement of newest) {
        const row = statement.get(source, identity)
        if (row !== undefined) return toKnown(row)
      }
      return undefined
    },
    () => ids[used++] ?? ''
  )
  insertRows(prepare, 'incidents', plan.fresh)
  const seen = prepare('update incidents set last_seen_at = ? where id = ?')
  for (const { id, last_seen_at } of plan.seen) seen.run(last_seen_at, id)
  const change = prepare(
    'update incidents set state = ?, resolved_at = ?, episode_starts_at = ?, reopened = ?, last_seen_at = ? where id = ?'
  )
  for (const row of plan.changed) change.run(row.state, row.resolved_at, row.episode_starts_at, row.reopened, row.last_seen_at, row.id)
  const wake = prepare(`update runs set next_at = ?1 where incident_id = ?2 and state = 'waiting' and next_at > ?1`)
  for (const id of plan.due) wake.run(plan.now, id)
  const reopened = plan.reopened.flatMap(id => reopen(prepare, id, plan.now))
  const head = prepare('select seq, hash from audit_head where id = 1').get()
  if (typeof head?.['seq'] !== 'number' || typeof head['hash'] !== 'string') throw new Error('the audit chain has no head')
  const chain = chained({ seq: head['seq'], hash: head['hash'] }, [...plan.audit, ...reopened])
  insertRows(prepare, 'audit', chain.rows)
  prepare('update audit_head set seq = ?, hash = ? where id = 1').run(chain.head.seq, chain.head.hash)
  return plan.answers
}

/** A run that ended only because its alert went away is taken up again when the alert is back: same incident, same clock. */
function reopen(prepare: Prepare, incidentId: string, now: number) {
  const runs = prepare(
    `update runs set state = 'waiting', outcome = null, reason = null, detail = null, ended_at = null, next_at = ?
     where incident_id = ? and state = 'ended' and outcome = 'resolved' and wrote = 0 returning id`
  ).all(now, incidentId)
  // One that was repaired and is back is for the admission to look at: people are told, nothing is written again.
  prepare(
    `update incidents set admitted_at = null where id = ?1 and told_at is null
     and exists (select 1 from runs where incident_id = ?1 and state = 'ended' and wrote = 1)`
  ).run(incidentId)
  return runs.map(run => audited.runReopened({ at: now, runId: String(run['id']), incidentId }, { why: 'the alert fires again' }))
}

/** Rows of one shape, each value in the order of the first row's columns. */
export function insertRows<T extends 'incidents' | 'audit' | 'runs'>(prepare: Prepare, table: T, rows: readonly Tables[T][]): void {
  const first = rows[0]
  if (first === undefined) return
  const columns = Object.keys(first)
  const insert = prepare(`insert into ${table} (${columns.join(', ')}) values (${columns.map(() => '?').join(', ')})`)
  for (const row of rows) {
    const values: SQLInputValue[] = Object.values(row)
    if (values.length !== columns.length) throw new Error(`a row of ${table} has other columns than the first`)
    insert.run(...values)
  }
}

function toKnown(row: unknown): KnownIncident {
  if (!isObject(row)) throw new Error('a row is not an object')
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
