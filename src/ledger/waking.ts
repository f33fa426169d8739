import type { RawBuilder } from 'kysely'
import type { AuditEntry } from '../domain/audit.ts'
import { audited } from '../domain/audited.ts'
import type { Reason } from '../domain/reasons.ts'
import { compiledOnce } from './compiled-once.ts'
import type { LedgerTransaction } from './database.ts'
import { slices } from './rows.ts'
import { movingRuns } from './run-moves.ts'

/** Something happened to these incidents: their waiting runs are looked at again at once. */
export async function wakeRunsOf(tx: LedgerTransaction, incidentIds: Iterable<string>, now: number): Promise<void> {
  for (const part of slices([...incidentIds], LONGEST_LIST)) {
    const of = WAKE_RUNS_OF.find(one => one.length >= part.length)
    const last = part.at(-1)
    if (of === undefined || last === undefined) throw new Error(`there is no list of ${part.length} incidents`)
    const ids = Array.from({ length: of.length }, (_, index) => [`incident-${index}`, part[index] ?? last] as const)
    await of.wake(tx, { now, ...Object.fromEntries(ids) })
  }
}

/** What these runs wait for may be there: they are looked at again at once. */
export async function wakeRunsThatWaitFor(tx: LedgerTransaction, reason: Reason, now: number): Promise<void> {
  await waking(tx, now).where('reason', '=', reason).execute()
}

/** A run that is due earlier stays due earlier; one that does not wait has its own time. */
function waking(tx: LedgerTransaction, now: number | RawBuilder<number>) {
  return tx.query.updateTable('runs').set({ next_at: now }).where('state', '=', 'waiting').where('next_at', '>', now)
}

const LONGEST_LIST = 512

/**
 * One text for lists of 1, 2, 4 … incidents: a list that is shorter names its last one again. Each heartbeat comes here, and
 * a text for each length would neither be compiled nor prepared before.
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
 * These incidents are open again. A run that ended only because its alert went away is taken up again: the same incident,
 * the same clock. An incident that was repaired is looked at by the admission: people are told, nothing is written again.
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
      .set({ admitted_at: null })
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
