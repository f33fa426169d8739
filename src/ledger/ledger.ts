import type { Ids } from '../base/clock.ts'
import { audited } from '../domain/audited.ts'
import { targetKey } from '../domain/objects.ts'
import { MODES } from '../domain/outcomes.ts'
import type { ChangeLedger } from '../domain/ports/change-ledger.ts'
import type { Sighting } from '../domain/ports/cluster.ts'
import type { AuditLedger, Ledger, SwitchLedger } from '../domain/ports/ledger.ts'
import { createMessageTending } from './affair-turns.ts'
import { pruneAffairs } from './affairs.ts'
import { appendAudit, pruneAudit, toAuditRow } from './audit-chain.ts'
import { createBlindness } from './blindness.ts'
import type { Database } from './database.ts'
import { createGuards, pruneGuards } from './deploy-guards.ts'
import { createHandOvers } from './hand-overs.ts'
import { pruneLabelSets } from './incident-rows.ts'
import { createIncidents } from './incidents.ts'
import { createIntake } from './intake.ts'
import { createEpisodes } from './later-starts.ts'
import { createLoans } from './loans.ts'
import { createOutbox } from './outbox.ts'
import { pruneRawCopies } from './raw-copies.ts'
import { createRuns } from './runs.ts'
import type { Tables } from './tables.ts'
import { wakeRunsThatWaitFor } from './waking.ts'

/** Makes the ledger over an open, migrated database. */
export function createLedger(database: Database, ids: Ids): Ledger {
  const { db, transaction } = database
  return {
    ...createIntake(database, ids),
    ...createIncidents(database),
    ...createEpisodes(database, ids),
    ...createRuns(database, ids),
    ...createOutbox(database),
    ...createMessageTending(database),
    ...createLoans(database),
    ...createGuards(database),
    ...createHandOvers(database),
    ...createBlindness(database),
    ...createSwitch(database),
    ...createChanges(database),
    ...createAudit(database),
    prune: (deliveriesBefore, elseBefore) =>
      transaction(async tx => {
        await pruneRawCopies(tx, deliveriesBefore)
        await tx.query.deleteFrom('outbox').where('created_at', '<', elseBefore).where('delivered_at', 'is not', null).execute()
        await tx.query
          .deleteFrom('intents')
          .where('run_id', 'in', eb => eb.selectFrom('runs').select('id').where('ended_at', '<', elseBefore))
          .execute()
        await tx.query.deleteFrom('runs').where('ended_at', '<', elseBefore).execute()
        await tx.query
          .deleteFrom('incidents')
          .where('resolved_at', '<', elseBefore)
          .where('id', 'not in', eb => eb.selectFrom('runs').select('incident_id').where('incident_id', 'is not', null).$castTo<string>())
          .execute()
        await tx.query.deleteFrom('looks').where('at', '<', elseBefore).execute()
        await pruneLabelSets(tx)
        await tx.query.deleteFrom('deploy_markers').where('at', '<', elseBefore).execute()
        // The newest one of an object stays, however old: it says what the object is now.
        await tx.query
          .deleteFrom('observed_templates as old')
          .where('at', '<', elseBefore)
          .where(eb =>
            eb.exists(
              eb
                .selectFrom('observed_templates as newer')
                .select('newer.seq')
                .whereRef('newer.uid', '=', 'old.uid')
                .whereRef('newer.seq', '>', 'old.seq')
            )
          )
          .execute()
        await pruneGuards(tx, elseBefore)
        await pruneAffairs(tx, elseBefore)
        await pruneAudit(tx, elseBefore)
      }),
    close: () => db.destroy()
  }
}

function createSwitch({ db, transaction }: Database): SwitchLedger {
  return {
    async switchState() {
      const row = await db.selectFrom('switch').selectAll().where('id', '=', 1).executeTakeFirstOrThrow()
      const mode = MODES.find(known => known === row.mode)
      // A switch that cannot be read counts as off, so that in doubt nothing is written.
      return { mode: mode ?? 'off', reason: row.reason, by: row.by, at: row.at }
    },
    setSwitch: state =>
      transaction(async tx => {
        await tx.query
          .updateTable('switch')
          .set({ mode: state.mode, reason: state.reason, by: state.by, at: state.at })
          .where('id', '=', 1)
          .execute()
        await wakeRunsThatWaitFor(tx, 'switch-lowered', state.at)
        await appendAudit(tx, [audited.switch({ at: state.at }, { mode: state.mode, reason: state.reason, by: state.by })])
      })
  }
}

function createChanges({ db, transaction }: Database): ChangeLedger {
  return {
    async latestObserved(uid) {
      const row = await db
        .selectFrom('observed_templates')
        .selectAll()
        .where('uid', '=', uid)
        .orderBy('seq', 'desc')
        .limit(1)
        .executeTakeFirst()
      return row === undefined ? undefined : { uid: row.uid, identity: row.identity, at: row.at, seen: row.seen === 1 }
    },
    recordMarker: ({ of, ...marker }, audit) =>
      transaction(async tx => {
        const result = await tx.query
          .insertInto('deploy_markers')
          .values({ id: marker.id, of_key: of, at: marker.at, marker_json: JSON.stringify(marker) })
          .onConflict(conflict => conflict.column('id').doNothing())
          .executeTakeFirst()
        if ((result.numInsertedOrUpdatedRows ?? 0n) > 0n) await appendAudit(tx, audit)
      }),
    async recordObserved(target, template) {
      await db.insertInto('observed_templates').values(observedRow({ target, template })).execute()
    },
    recordFound: found =>
      transaction(async tx => {
        if (found.length === 0) return
        const uids = found.map(({ template }) => template.uid)
        const newest = await tx.query
          .selectFrom('observed_templates')
          .select(['uid', 'identity'])
          .where('seq', 'in', eb =>
            eb
              .selectFrom('observed_templates')
              .select(({ fn }) => fn.max('seq').as('newest'))
              .where('uid', 'in', uids)
              .groupBy('uid')
          )
          .execute()
        const known = new Map(newest.map(row => [row.uid, row.identity]))
        const rows = found.filter(({ template }) => known.get(template.uid) !== template.identity).map(observedRow)
        if (rows.length > 0) await tx.query.insertInto('observed_templates').values(rows).execute()
      })
  }
}

function observedRow({ target, template }: Sighting): Omit<Tables['observed_templates'], 'seq'> {
  return {
    uid: template.uid,
    target_key: targetKey(target),
    identity: template.identity,
    at: template.at,
    seen: template.seen ? 1 : 0
  }
}

function createAudit({ db, transaction }: Database): AuditLedger {
  return {
    append: entries => transaction(tx => appendAudit(tx, entries)),
    async audit(filter, limit) {
      let query = db.selectFrom('audit').selectAll().orderBy('seq').limit(limit)
      if (filter.after !== undefined) query = query.where('seq', '>', filter.after)
      const { runId, incidentId } = filter
      if (runId !== undefined && incidentId !== undefined)
        query = query.where(eb => eb.or([eb('run_id', '=', runId), eb('incident_id', '=', incidentId)]))
      else if (runId !== undefined) query = query.where('run_id', '=', runId)
      else if (incidentId !== undefined) query = query.where('incident_id', '=', incidentId)
      return (await query.execute()).map(toAuditRow)
    }
  }
}
