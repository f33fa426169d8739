import type { Kysely } from 'kysely'
import type { Ids } from '../base/clock.ts'
import type { AuditEntry } from '../domain/audit.ts'
import { audited } from '../domain/audited.ts'
import type { StormLimits } from '../domain/policy.ts'
import { STORM_LISTED, type StormState } from '../domain/ports/ledger.ts'
import type { LedgerTransaction } from './database.ts'
import { stored } from './rows.ts'
import type { Tables } from './tables.ts'
import { takeTurn } from './turns.ts'

/**
 * Begins a storm, or prolongs the present one, when many distinct existing targets got incidents within a short time (rules 4).
 * The storm is a row, written in the transaction that counts the incident, so that it holds across restarts and replicas.
 * @returns what the audit says of it
 */
export async function countForStorm(tx: LedgerTransaction, limits: StormLimits, now: number, ids: Ids): Promise<readonly AuditEntry[]> {
  await takeTurn(tx, 'storm')
  const active = await stormRow(tx.query, now)
  // During a storm all incidents since its beginning count. Otherwise only the recent ones do.
  const since = active === undefined ? now - limits.within : active.started_at - limits.within
  const alerting = tx.query
    .selectFrom('incidents')
    .where('opened_at', '>', since)
    .where('target_uid', 'is not', null)
    .where('target_key', 'is not', null)
  const counted = await alerting.select(eb => eb.fn.count<number>('target_key').distinct().as('count')).executeTakeFirstOrThrow()
  const count = Number(counted.count)
  if (active === undefined && count < limits.targets) return []
  const listed = await alerting.select('target_key').distinct().orderBy('target_key').limit(STORM_LISTED).execute()
  const calm_at = now + limits.calm
  const targets_json = JSON.stringify({ count, listed: listed.flatMap(row => row.target_key ?? []) })
  if (active === undefined) {
    const id = ids.next()
    await tx.query.insertInto('storms').values({ id, started_at: now, last_at: now, calm_at, targets_json }).execute()
    return [audited.storm({ at: now }, { storm: id, targets: count, within: limits.within })]
  }
  await tx.query.updateTable('storms').set({ last_at: now, calm_at, targets_json }).where('id', '=', active.id).execute()
  return []
}

/** The storm that is not over yet. */
export async function stormAt(db: Kysely<Tables>, now: number): Promise<StormState | undefined> {
  const row = await stormRow(db, now)
  if (row === undefined) return undefined
  const { count, listed } = stored<{ readonly count: number; readonly listed: readonly string[] }>(row.targets_json)
  return { id: row.id, startedAt: row.started_at, lastAt: row.last_at, calmAt: row.calm_at, count, targets: listed }
}

function stormRow(db: Kysely<Tables>, now: number) {
  return db.selectFrom('storms').selectAll().where('calm_at', '>', now).orderBy('started_at', 'desc').executeTakeFirst()
}
