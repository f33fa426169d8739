import type { AuditEntry } from '../domain/audit.ts'
import { targetKey } from '../domain/objects.ts'
import type { AskedRun } from '../domain/ports/ledger.ts'
import { escalatesAt, type Run } from '../domain/run.ts'
import { sourceOf } from '../domain/trigger.ts'
import { appendAudit } from './audit-chain.ts'
import type { LedgerTransaction } from './database.ts'
import { moveRun, type RunColumns } from './run-moves.ts'
import type { Tables } from './tables.ts'

/**
 * Begins a run that was asked for. The index on `asked_key` lets in only one run that is not over, however many callers ask at
 * once. The second caller gets the run of the first.
 */
export async function beginRun(tx: LedgerTransaction, run: Run, key: string, audit: readonly AuditEntry[]): Promise<AskedRun> {
  const inserted = await tx.query
    .insertInto('runs')
    .values(toAskedRow(run, key))
    .onConflict(conflict => conflict.doNothing())
    .executeTakeFirst()
  if ((inserted.numInsertedOrUpdatedRows ?? 0n) > 0n) {
    await appendAudit(tx, audit)
    return { id: run.id, state: 'started' }
  }
  const underWay = await tx.query
    .selectFrom('runs')
    .select('id')
    .where('asked_key', '=', key)
    .where('state', '<>', 'ended')
    .executeTakeFirstOrThrow()
  return { id: underWay.id, state: 'under-way' }
}

/** Stores a dry run that was asked for by API, or its ending. */
export async function saveDryRun(tx: LedgerTransaction, run: Run, audit: readonly AuditEntry[]): Promise<void> {
  const result: RunColumns = {
    target_key: run.target === undefined ? null : targetKey(run.target),
    ended_at: run.endedAt ?? null,
    outcome: run.outcome ?? null,
    reason: run.reason ?? null,
    detail: run.detail ?? null,
    ...(run.symptom === undefined ? {} : { symptom_json: JSON.stringify(run.symptom) })
  }
  const known = await tx.locked(tx.query.selectFrom('runs').select(['id', 'state']).where('id', '=', run.id)).executeTakeFirst()
  if (known === undefined) await tx.insertMany('runs', [toAskedRow(run, null)])
  else await moveRun(tx, known, run.state, result)
  await appendAudit(tx, audit)
}

/** The row of a run that no alert began. It keeps its trigger itself, because there is no incident. */
function toAskedRow(run: Run, key: string | null): Tables['runs'] {
  return {
    id: run.id,
    kind: run.kind,
    incident_id: null,
    trigger_json: JSON.stringify(run.trigger),
    asked_key: key,
    policy: run.policy.name,
    policy_json: JSON.stringify(run.policy),
    target_key: run.target === undefined ? null : targetKey(run.target),
    state: run.state,
    step: run.step,
    created_at: run.createdAt,
    next_at: run.nextAt,
    ended_at: run.endedAt ?? null,
    outcome: run.outcome ?? null,
    reason: run.reason ?? null,
    detail: run.detail ?? null,
    wrote: 0,
    progress_json: null,
    ceiling: run.ceiling,
    symptom_json: run.symptom === undefined ? null : JSON.stringify(run.symptom),
    owner: null,
    fence: 0,
    claim_expires_at: null,
    source: sourceOf(run.trigger),
    escalates_at: escalatesAt(run),
    ready: 0,
    turn: 0,
    confirmed: 0,
    parked_by: null,
    held_since: null,
    handed_json: null
  }
}
