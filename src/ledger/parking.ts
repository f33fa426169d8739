import type { AuditEntry } from '../domain/audit.ts'
import { audited } from '../domain/audited.ts'
import type { SaveRequest } from '../domain/ports/ledger.ts'
import type { Refusal } from '../domain/reasons.ts'
import { askedBy } from '../domain/trigger.ts'
import type { LedgerTransaction } from './database.ts'
import { triggerFromJson } from './rows.ts'
import type { RunColumns } from './run-moves.ts'
import type { Tables } from './tables.ts'
import { takeTurn } from './turns.ts'

// A run that has confirmed its symptom works for all runs of its policy and target: these are parked. They stand in no line and ask
// nothing, and their own time goes on. Once the run that parks them ended, or waits without a confirmed symptom, all of them are due.

type ParkedColumns = Pick<Tables['runs'], 'parked_by' | 'reason' | 'detail' | 'ready' | 'next_at'>

/** What a parked run waits for, and what ends that. */
function parkedBehind(id: string): Refusal {
  const detail = `run ${id} confirmed the symptom first and works on the target; this one is looked at again when that run ended or no longer sees the symptom`
  return { reason: 'target-busy', detail }
}

/** What changes in a run that is parked. It is due when its own time is up. */
export function parkedColumns(by: string, escalatesAt: number): ParkedColumns {
  const { reason, detail } = parkedBehind(by)
  return { parked_by: by, reason, detail, ready: 0, next_at: escalatesAt }
}

/** What the audit says of a run that is parked. */
export function parkedEntry(run: Pick<Tables['runs'], 'id' | 'incident_id' | 'trigger_json' | 'step'>, by: string, at: number): AuditEntry {
  const about = {
    at,
    runId: run.id,
    incidentId: run.incident_id ?? undefined,
    askedBy: run.trigger_json === null ? undefined : askedBy(triggerFromJson(run.trigger_json)),
    step: run.step
  }
  return audited.decision(about, { verdict: 'hold', refusal: parkedBehind(by), trace: [] })
}

/** The run that parks others of this policy and target; undefined where none does. */
export async function parkerOf(
  tx: LedgerTransaction,
  { id, policy, target_key, kind }: Pick<Tables['runs'], 'id' | 'policy' | 'target_key' | 'kind'>
): Promise<string | undefined> {
  if (target_key === null || kind !== 'live') return undefined
  const parker = await tx.query
    .selectFrom('runs')
    .select('id')
    .where('confirmed', '=', 1)
    .where('policy', '=', policy)
    .where('target_key', '=', target_key)
    .where('id', '<>', id)
    .limit(1)
    .executeTakeFirst()
  return parker?.id
}

/** Parks the runs of this one's policy and target that wait, have written nothing, and that nobody works on. */
export async function parkOthers(
  tx: LedgerTransaction,
  run: Pick<Tables['runs'], 'id' | 'policy' | 'target_key'>,
  now: number
): Promise<readonly AuditEntry[]> {
  if (run.target_key === null) return []
  const parked = await tx.query
    .updateTable('runs')
    .set(eb => ({ ...parkedColumns(run.id, 0), next_at: eb.ref('escalates_at') }))
    .where('target_key', '=', run.target_key)
    .where('policy', '=', run.policy)
    .where('state', '=', 'waiting')
    .where('kind', '=', 'live')
    .where('wrote', '=', 0)
    .where('confirmed', '=', 0)
    .where('parked_by', 'is', null)
    .where('claim_expires_at', 'is', null)
    // A run of an earlier version may not know when its time is up.
    .where('escalates_at', '>', 0)
    .where('id', '<>', run.id)
    .returning(['id', 'incident_id', 'trigger_json', 'step'])
    .execute()
  return parked.map(one => parkedEntry(one, run.id, now))
}

/** What a saved change means for parking. */
export interface ParkingChange {
  readonly columns: RunColumns
  readonly audit: readonly AuditEntry[]
  /** The run parks no others any more. */
  readonly over: boolean
}

const NOTHING: ParkingChange = { columns: {}, audit: [], over: false }

/** Decides whether a run that is being saved parks others, is parked itself, or neither. Others are parked here, and freed by the caller. */
export async function parkingOf(
  tx: LedgerTransaction,
  row: Tables['runs'],
  { change, release }: Pick<SaveRequest, 'change' | 'release'>,
  now: number
): Promise<ParkingChange> {
  const over = row.confirmed === 1
  if (change.state === 'ended') return { columns: { confirmed: 0, parked_by: null }, audit: [], over }
  // A run that has written holds the target until it ended, and one that goes on at once is not waiting yet.
  if (change.state !== 'waiting' || row.wrote === 1 || change.wrote === true || release !== true) return NOTHING
  if (change.confirmed === true) await takeTurn(tx, 'parking')
  const by = await parkerOf(tx, row)
  if (by !== undefined && row.escalates_at > 0) {
    const audit = row.parked_by === by ? [] : [parkedEntry(row, by, now)]
    return { columns: { confirmed: 0, ...parkedColumns(by, row.escalates_at) }, audit, over }
  }
  if (change.confirmed === true && row.confirmed === 0)
    return { columns: { confirmed: 1, parked_by: null }, audit: await parkOthers(tx, row, now), over: false }
  if (change.confirmed === true) return NOTHING
  // The run that parked this one may be over since this pass began. Then this one is due at once.
  const due = row.parked_by === null ? {} : { next_at: now }
  return { columns: { confirmed: 0, parked_by: null, ...due }, audit: [], over }
}

/** Makes the runs due that this one has parked. */
export async function freeParked(tx: LedgerTransaction, runId: string, now: number): Promise<void> {
  await tx.query
    .updateTable('runs')
    .set({ parked_by: null, next_at: now })
    .where('parked_by', '=', runId)
    .where('state', '=', 'waiting')
    .execute()
}

/** The runs that park others of their policy and target now, by policy and target. */
export async function parkers(tx: LedgerTransaction): Promise<ReadonlyMap<string, string>> {
  const rows = await tx.query.selectFrom('runs').select(['id', 'policy', 'target_key']).where('confirmed', '=', 1).execute()
  return new Map(rows.map(({ id, policy, target_key }) => [parkerKey(policy, target_key ?? ''), id]))
}

export function parkerKey(policy: string, target: string): string {
  return `${policy}\n${target}`
}
