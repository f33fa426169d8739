import type { AuditEntry } from '../domain/audit.ts'
import { audited } from '../domain/audited.ts'
import { targetKey } from '../domain/objects.ts'
import type { Admission, IncidentLedger } from '../domain/ports/ledger.ts'
import { createAdmissionLine, useAllowance } from './admission-line.ts'
import { followIncidents } from './affair-turns.ts'
import { appendAudit } from './audit-chain.ts'
import type { Database, LedgerTransaction } from './database.ts'
import { forgetHandOver } from './forget-hand-over.ts'
import { wholeIncidents } from './incident-rows.ts'
import { enqueue } from './outbox.ts'
import { parkedColumns, parkedEntry, parkerKey, parkers } from './parking.ts'
import { slices, toIncident } from './rows.ts'
import { stormAt, stormLooming } from './storm.ts'
import type { Tables } from './tables.ts'
import { wakeParkedOf, wakeRunsOf } from './waking.ts'

export function createIncidents(database: Database): IncidentLedger {
  const { db, transaction } = database
  return {
    ...createAdmissionLine(database),

    admit: admissions =>
      transaction(async tx => {
        const open = await stillUnadmitted(tx, admissions)
        const audit: AuditEntry[] = []
        await tx.updateIncidents(
          open.map(({ admission: { at, run }, row }) => ({
            id: row.id,
            admitted_at: at,
            target_key: run?.target === undefined ? row.target_key : targetKey(run.target)
          }))
        )
        const newest = Math.max(0, ...open.map(({ admission }) => admission.at))
        await useAllowance(
          tx,
          open.flatMap(({ admission }) => (admission.run === undefined ? [] : [admission.incident.source])),
          newest
        )
        const parking = await parkers(tx)
        const runs = open.flatMap(({ admission }) => toRunRow(admission, parking) ?? [])
        await tx.insertMany('runs', runs)
        for (const { admission } of open) {
          const { incident, messages, at, audit: entries } = admission
          audit.push(...entries)
          if (messages !== undefined) await forgetHandOver(tx, [incident.id])
          for (const message of messages ?? []) await enqueue(tx, message, at)
          if (messages !== undefined)
            await tx.query
              .updateTable('incidents')
              .set({ told_at: at })
              .where('id', '=', incident.id)
              .where('told_at', 'is', null)
              .execute()
        }
        audit.push(...runs.flatMap(run => (run.parked_by === null ? [] : [parkedEntry(run, run.parked_by, run.created_at)])))
        await appendAudit(tx, audit)
      }),

    async idle(lastSeenBefore, limit) {
      const rows = await wholeIncidents(db)
        .where('incidents.state', '=', 'open')
        .where('incidents.last_seen_at', '<', lastSeenBefore)
        .limit(limit)
        .execute()
      return rows.map(toIncident)
    },

    settleIdle: (expired, alive, now) =>
      transaction(async tx => {
        for (const part of slices(alive))
          await tx.query.updateTable('incidents').set({ last_seen_at: now }).where('id', 'in', part).execute()
        for (const part of slices(expired)) {
          const rows = await tx.query
            .updateTable('incidents')
            .set({ state: 'expired', resolved_at: now })
            .where('id', 'in', part)
            .where('state', '=', 'open')
            .returning('id')
            .execute()
          await wakeRunsOf(tx, part, now)
          await wakeParkedOf(tx, part, now)
          await followIncidents(tx, part, now)
          await appendAudit(
            tx,
            rows.map(row => audited.incidentExpired({ at: now, incidentId: row.id }, { why: 'no heartbeat' }))
          )
        }
      }),

    async incident(id) {
      const row = await wholeIncidents(db).where('incidents.id', '=', id).executeTakeFirst()
      return row === undefined ? undefined : toIncident(row)
    },

    storm: now => stormAt(db, now),
    stormLooming: (question, now) => stormLooming(db, question, now)
  }
}

/** Admits new incidents. Two replicas may look at the same ones, and the first to commit admits them. */
async function stillUnadmitted(tx: LedgerTransaction, admissions: readonly Admission[]) {
  const open = new Map<string, Pick<Tables['incidents'], 'id' | 'target_key'>>()
  for (const part of slices(admissions)) {
    const unadmitted = tx.query
      .selectFrom('incidents')
      .select(['id', 'target_key'])
      .where(
        'id',
        'in',
        part.map(admission => admission.incident.id)
      )
      .where('admitted_at', 'is', null)
    for (const row of await tx.locked(unadmitted).execute()) open.set(row.id, row)
  }
  return admissions.flatMap(admission => {
    const row = open.get(admission.incident.id)
    return row === undefined ? [] : [{ admission, row }]
  })
}

function toRunRow(admission: Admission, parking: ReadonlyMap<string, string>): Tables['runs'] | undefined {
  const { run, incident, at } = admission
  if (run === undefined) return undefined
  const target = run.target === undefined ? null : targetKey(run.target)
  const by = target === null ? undefined : parking.get(parkerKey(run.policy.name, target))
  const escalatesAt = incident.openedAt + run.policy.escalate.after
  return {
    id: run.id,
    kind: 'live',
    incident_id: incident.id,
    trigger_json: null,
    asked_key: null,
    policy: run.policy.name,
    policy_json: JSON.stringify(run.policy),
    target_key: target,
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
    ceiling: run.ceiling,
    symptom_json: null,
    owner: null,
    fence: 0,
    claim_expires_at: null,
    source: incident.source,
    escalates_at: escalatesAt,
    ready: 0,
    turn: 0,
    confirmed: 0,
    parked_by: null,
    held_since: null,
    handed_json: null,
    ...(by === undefined ? {} : parkedColumns(by, escalatesAt))
  }
}
