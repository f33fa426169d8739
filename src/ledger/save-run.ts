import type { Ids } from '../base/clock.ts'
import type { AuditEntry } from '../domain/audit.ts'
import { callAfterHandOver } from '../domain/hand-over.ts'
import type { SaveRequest } from '../domain/ports/ledger.ts'
import type { RunChange } from '../domain/run.ts'
import { appendAudit } from './audit-chain.ts'
import type { LedgerTransaction } from './database.ts'
import { settleIntent } from './intents.ts'
import { returnSoon } from './loans.ts'
import { keepLooks } from './looks.ts'
import { enqueue } from './outbox.ts'
import { freeParked, parkingOf } from './parking.ts'
import { moveRun, type RunColumns } from './run-moves.ts'
import { countForStorm, withList } from './storm.ts'
import { keepSymptom } from './symptoms.ts'
import type { Tables } from './tables.ts'
import { reopenRunsOf } from './waking.ts'

/** Saves a run's change and all that belongs to it. @param row the run, locked by this transaction */
export async function saveRun(
  tx: LedgerTransaction,
  row: Tables['runs'],
  request: SaveRequest,
  { now, ids }: { readonly now: number; readonly ids: Ids }
): Promise<void> {
  const { change } = request
  const ended = change.state === 'ended'
  const parking = await parkingOf(tx, row, request, now)
  const columns: RunColumns = {
    ...columnsOf(change),
    ...parking.columns,
    ...(ended ? { ended_at: now } : {}),
    // Somebody took it over while this pass was under way: the next look ends it.
    ...(row.handed_json !== null && change.state === 'waiting' ? { next_at: now } : {}),
    ...(request.release === true || ended ? { claim_expires_at: null, owner: null } : {})
  }
  const first = change.symptom !== undefined && (await keepSymptom(tx, row.incident_id, change.symptom))
  if (change.state !== undefined) await moveRun(tx, row, change.state, columns)
  else if (Object.keys(columns).length > 0) await tx.query.updateTable('runs').set(columns).where('id', '=', row.id).execute()
  // A storm that begins wakes the runs that waited for this sample, this one among them.
  const storm =
    first && row.incident_id !== null && request.storm !== undefined
      ? await countForStorm(tx, request.storm, row.incident_id, { now, ids })
      : []
  if (parking.over) await freeParked(tx, row.id, now)
  if (change.outcome === 'recovered') await returnSoon(tx, row.id, now)
  if (request.intent !== undefined) await settleIntent(tx, row, request.intent, now)
  if (ended || request.releaseLock === true) await tx.query.deleteFrom('locks').where('run_id', '=', row.id).execute()
  if (request.told === true && row.incident_id !== null)
    await tx.query.updateTable('incidents').set({ told_at: now }).where('id', '=', row.incident_id).where('told_at', 'is', null).execute()
  await keepLooks(tx, request.looked ?? [])
  for (const message of request.messages ?? [])
    await enqueue(tx, await withList(tx, row.handed_json === null ? message : callAfterHandOver(message), now), now)
  const reopened = change.outcome === 'resolved' ? await reopenIfBack(tx, row.incident_id, now) : []
  await appendAudit(tx, [...request.audit, ...parking.audit, ...storm, ...reopened])
}

/** Takes a run up again whose alert came back while this pass ended it: that delivery found a run that was not over yet. */
async function reopenIfBack(tx: LedgerTransaction, incidentId: string | null, now: number): Promise<readonly AuditEntry[]> {
  if (incidentId === null) return []
  const incident = tx.query.selectFrom('incidents').select(['state', 'told_at']).where('id', '=', incidentId)
  const row = await tx.locked(incident).executeTakeFirst()
  return row?.state === 'open' && row.told_at === null ? reopenRunsOf(tx, [incidentId], now) : []
}

function columnsOf(change: RunChange): RunColumns {
  return {
    ...(change.step === undefined ? {} : { step: change.step }),
    ...(change.nextAt === undefined ? {} : { next_at: change.nextAt }),
    ...(change.outcome === undefined ? {} : { outcome: change.outcome }),
    ...(change.reason === undefined ? {} : { reason: change.reason }),
    ...(change.detail === undefined ? {} : { detail: change.detail }),
    ...(change.wrote === undefined ? {} : { wrote: change.wrote ? 1 : 0 }),
    ...(change.progress === undefined ? {} : { progress_json: change.progress === null ? null : JSON.stringify(change.progress) }),
    ...(change.heldSince === undefined ? {} : { held_since: change.heldSince }),
    ...(change.symptom === undefined ? {} : { symptom_json: JSON.stringify(change.symptom) })
  }
}
