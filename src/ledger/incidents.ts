import type { Kysely, Transaction } from 'kysely'
import type { Ids } from '../base/clock.ts'
import type { AuditEntry } from '../domain/audit.ts'
import { audited } from '../domain/audited.ts'
import { targetKey } from '../domain/objects.ts'
import type { StormLimits } from '../domain/policy.ts'
import { type Admission, type IncidentLedger, STORM_LISTED, type StormState } from '../domain/ports/ledger.ts'
import { appendAudit } from './audit-chain.ts'
import type { BulkRows } from './bulk.ts'
import { enqueue } from './outbox.ts'
import { slices, stored, toIncident } from './rows.ts'
import type { Tables } from './tables.ts'

export function createIncidents(db: Kysely<Tables>, bulk: BulkRows, ids: Ids): IncidentLedger {
  return {
    async unadmitted(limit) {
      const rows = await db
        .selectFrom('incidents')
        .selectAll()
        .where('admitted_at', 'is', null)
        .orderBy('opened_at')
        .orderBy('id')
        .limit(limit)
        .execute()
      return rows.map(toIncident)
    },

    admit: (admissions, storm) =>
      db.transaction().execute(async transaction => {
        const open = await stillUnadmitted(transaction, admissions)
        const audit: AuditEntry[] = []
        await bulk.admitted(
          transaction,
          open.map(({ incident, run, at }) => ({
            id: incident.id,
            at,
            targetKey: run?.target === undefined ? null : targetKey(run.target),
            targetUid: run?.targetUid ?? null
          }))
        )
        await bulk.insert(
          transaction,
          'runs',
          open.flatMap(admission => toRunRow(admission) ?? [])
        )
        for (const { incident, messages, at, audit: entries } of open) {
          audit.push(...entries)
          for (const message of messages ?? []) await enqueue(transaction, message, at)
          if (messages !== undefined)
            await transaction
              .updateTable('incidents')
              .set({ told_at: at })
              .where('id', '=', incident.id)
              .where('told_at', 'is', null)
              .execute()
        }
        const newest = Math.max(0, ...open.map(admission => admission.at))
        if (storm !== undefined && open.some(admission => admission.run?.targetUid !== undefined))
          audit.push(...(await brew(transaction, storm, newest, ids)))
        await appendAudit(transaction, audit, bulk)
      }),

    async idle(lastSeenBefore, limit) {
      const rows = await db
        .selectFrom('incidents')
        .selectAll()
        .where('state', '=', 'open')
        .where('last_seen_at', '<', lastSeenBefore)
        .limit(limit)
        .execute()
      return rows.map(toIncident)
    },

    settleIdle: (expired, alive, now) =>
      db.transaction().execute(async transaction => {
        for (const part of slices(alive))
          await transaction.updateTable('incidents').set({ last_seen_at: now }).where('id', 'in', part).execute()
        for (const part of slices(expired)) {
          const rows = await transaction
            .updateTable('incidents')
            .set({ state: 'expired', resolved_at: now })
            .where('id', 'in', part)
            .where('state', '=', 'open')
            .returning('id')
            .execute()
          await transaction
            .updateTable('runs')
            .set({ next_at: now })
            .where('incident_id', 'in', part)
            .where('state', '=', 'waiting')
            .execute()
          await appendAudit(
            transaction,
            rows.map(row => audited.incidentExpired({ at: now, incidentId: row.id }, { why: 'no heartbeat' }))
          )
        }
      }),

    async incident(id) {
      const row = await db.selectFrom('incidents').selectAll().where('id', '=', id).executeTakeFirst()
      return row === undefined ? undefined : toIncident(row)
    },

    targetExists: (incidentId, uid, storm, now) =>
      db.transaction().execute(async transaction => {
        const changed = await transaction
          .updateTable('incidents')
          .set({ target_uid: uid })
          .where('id', '=', incidentId)
          .where('target_uid', 'is', null)
          .executeTakeFirst()
        if (changed.numUpdatedRows > 0n && storm !== undefined) await appendAudit(transaction, await brew(transaction, storm, now, ids))
      }),

    async storm(now) {
      const row = await db.selectFrom('storms').selectAll().where('calm_at', '>', now).orderBy('started_at', 'desc').executeTakeFirst()
      return row === undefined ? undefined : toStorm(row)
    }
  }
}

/** Two replicas may look at the same new incidents; the first to commit admits them. */
async function stillUnadmitted(transaction: Transaction<Tables>, admissions: readonly Admission[]): Promise<Admission[]> {
  const open = new Set<string>()
  for (const part of slices(admissions)) {
    const rows = await transaction
      .selectFrom('incidents')
      .select('id')
      .where(
        'id',
        'in',
        part.map(admission => admission.incident.id)
      )
      .where('admitted_at', 'is', null)
      .execute()
    for (const row of rows) open.add(row.id)
  }
  return admissions.filter(admission => open.has(admission.incident.id))
}

function toRunRow(admission: Admission): Tables['runs'] | undefined {
  const { run, incident, at } = admission
  if (run === undefined) return undefined
  return {
    id: run.id,
    kind: 'live',
    incident_id: incident.id,
    trigger_json: null,
    asked_key: null,
    policy: run.policy.name,
    policy_json: JSON.stringify(run.policy),
    target_key: run.target === undefined ? null : targetKey(run.target),
    state: 'waiting',
    step: 0,
    created_at: at,
    next_at: at,
    ended_at: null,
    outcome: null,
    reason: null,
    detail: null,
    wrote: 0,
    progress_json: null,
    owner: null,
    fence: 0,
    claim_expires_at: null
  }
}

/**
 * The storm brake: many distinct existing targets with incidents opened within a short time (rules 4). Kept as a row, in
 * the transaction that admits the incident, so that it holds across restarts and replicas.
 */
async function brew(transaction: Transaction<Tables>, limits: StormLimits, now: number, ids: Ids): Promise<AuditEntry[]> {
  const active = await transaction
    .selectFrom('storms')
    .selectAll()
    .where('calm_at', '>', now)
    .orderBy('started_at', 'desc')
    .executeTakeFirst()
  // Of a storm that goes on, everything since it began; else what came in of late.
  const since = active === undefined ? now - limits.within : active.started_at - limits.within
  const alerting = transaction
    .selectFrom('incidents')
    .where('opened_at', '>', since)
    .where('target_uid', 'is not', null)
    .where('target_key', 'is not', null)
  const { count } = await alerting.select(eb => eb.fn.count<number>('target_key').distinct().as('count')).executeTakeFirstOrThrow()
  if (active === undefined && count < limits.targets) return []
  const listed = await alerting.select('target_key').distinct().orderBy('target_key').limit(STORM_LISTED).execute()
  const calm_at = now + limits.calm
  const targets_json = JSON.stringify({ count, listed: listed.flatMap(row => row.target_key ?? []) })
  if (active === undefined) {
    const id = ids.next()
    await transaction.insertInto('storms').values({ id, started_at: now, last_at: now, calm_at, targets_json }).execute()
    return [audited.storm({ at: now }, { storm: id, targets: count, within: limits.within })]
  }
  await transaction.updateTable('storms').set({ last_at: now, calm_at, targets_json }).where('id', '=', active.id).execute()
  return []
}

function toStorm(row: Tables['storms']): StormState {
  const { count, listed } = stored<{ readonly count: number; readonly listed: readonly string[] }>(row.targets_json)
  return { id: row.id, startedAt: row.started_at, lastAt: row.last_at, calmAt: row.calm_at, count, targets: listed }
}
