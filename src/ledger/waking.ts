import type { RawBuilder } from 'kysely'
import type { AuditEntry } from '../domain/audit.ts'
import { audited } from '../domain/audited.ts'
import type { Reason } from '../domain/reasons.ts'
import { compiledOnce } from './compiled-once.ts'
import type { LedgerTransaction } from './database.ts'
import { slices } from './rows.ts'
import { movingRuns } from './run-moves.ts'

/** Makes the waiting runs of these incidents due at once, because something happened to the incidents. */
export async function wakeRunsOf(tx: LedgerTransaction, incidentIds: Iterable<string>, now: number): Promise<void> {
  for (const part of slices([...incidentIds], LONGEST_LIST)) {
    const of = WAKE_RUNS_OF.find(one => one.length >= part.length)
    const last = part.at(-1)
    if (of === undefined || last === undefined) throw new Error(`there is no list of ${part.length} incidents`)
    const ids = Array.from({ length: of.length }, (_, index) => [`incident-${index}`, part[index] ?? last] as const)
    await of.wake(tx, { now, ...Object.fromEntries(ids) })
  }
}

/** Makes the parked runs of these incidents due at once, because the incidents are over. */
export async function wakeParkedOf(tx: LedgerTransaction, incidentIds: readonly string[], now: number): Promise<void> {
  for (const part of slices(incidentIds))
    await tx.query.updateTable('runs').set({ next_at: now }).where('incident_id', 'in', part).where('parked_by', 'is not', null).execute()
}

/** Makes these runs due at once, because what they wait for may have come. */
export async function wakeRunsThatWaitFor(tx: LedgerTransaction, reason: Reason, now: number): Promise<void> {
  await waking(tx, now).where('reason', '=', reason).execute()
}

/** Changes only runs that wait and are not parked: a parked run asks nothing. A run that is due earlier stays due earlier. */
function waking(tx: LedgerTransaction, now: number | RawBuilder<number>) {
  return tx.query
    .updateTable('runs')
    .set({ next_at: now })
    .where('state', '=', 'waiting')
    .where('parked_by', 'is', null)
    .where('next_at', '>', now)
}

const LONGEST_LIST = 512

/**
 * Queries for lists of 1, 2, 4 … incidents. A shorter list repeats its last incident. Each heartbeat comes here, and with one
 * text for each length most texts would be neither compiled nor prepared yet.
 */
const WAKE_RUNS_OF = Array.from({ length: Math.log2(LONGEST_LIST) + 1 }, (_, power) => {
  const length = 2 ** power
  const wake = compiledOnce<string, unknown>((tx, value) => {
    const ids = Array.from({ length }, (_, index) => value<string>(`incident-${index}`))
    return waking(tx, value<number>('now')).where('incident_id', 'in', ids)
  })
  return { length, wake }
})

/**
 * Takes up again the runs of incidents that are open again, where a run ended only because its alert went away. Incident and
 * clock stay the same. An incident that was repaired goes to admission: people are told, and nothing is written again.
 * @returns what the audit says of it
 */
export async function reopenRunsOf(tx: LedgerTransaction, incidentIds: Iterable<string>, now: number): Promise<readonly AuditEntry[]> {
  const audit: AuditEntry[] = []
  for (const part of slices([...incidentIds])) {
    const moved = await movingRuns(tx, 'waiting', { outcome: null, reason: null, detail: null, ended_at: null, next_at: now })
      .where('incident_id', 'in', part)
      .where('state', '=', 'ended')
      .where('outcome', '=', 'resolved')
      .where('wrote', '=', 0)
      .returning(['id', 'incident_id'])
      .execute()
    const runs = new Map(moved.map(run => [run.incident_id, run.id]))
    for (const incidentId of part) {
      const runId = runs.get(incidentId)
      if (runId !== undefined) audit.push(audited.runReopened({ at: now, runId, incidentId }, { why: 'the alert fires again' }))
    }
    await tx.query
      .updateTable('incidents')
      .set({ admitted_at: null, turn: null })
      .where('id', 'in', part)
      .where('told_at', 'is', null)
      .where(eb =>
        eb.exists(
          eb
            .selectFrom('runs')
            .select('id')
            .whereRef('incident_id', '=', 'incidents.id')
            .where('state', '=', 'ended')
            .where('wrote', '=', 1)
        )
      )
      .execute()
  }
  return audit
}
