import type { Kysely } from 'kysely'
import type { Ids } from '../base/clock.ts'
import type { Incident } from '../domain/incident.ts'
import type { RunFilter, RunLedger } from '../domain/ports/ledger.ts'
import type { Claim, ClaimedRun, Run } from '../domain/run.ts'
import { beginRun, saveDryRun } from './asked-runs.ts'
import { anyDue, claimNext, LINED_UP_TOGETHER, lineUp, nextDue } from './claims.ts'
import type { Database, LedgerTransaction } from './database.ts'
import { wholeIncidents } from './incident-rows.ts'
import { budgetUse, claimIntent, countSend, intentOf } from './intents.ts'
import { keepLooks, looksOf } from './looks.ts'
import { slices, toIncident, toRun, triggerFromJson } from './rows.ts'
import { saveRun } from './save-run.ts'
import type { Tables } from './tables.ts'
import { targetFacts } from './target-facts.ts'

export function createRuns({ db, transaction }: Database, ids: Ids): RunLedger {
  return {
    async claimDue(owner, now, leaseMs, room) {
      if (!(await anyDue(db, now))) return []
      // Whoever is due gets in line before anybody is served, however many that are. Mostly they are few, and one transaction does both.
      const claim = async (tx: LedgerTransaction): Promise<readonly ClaimedRun[] | undefined> => {
        if ((await lineUp(tx, now)) === LINED_UP_TOGETHER) return undefined
        const rows = await claimNext(tx, { owner, now, leaseMs, room })
        const runs = await withIncidents(tx.query, rows)
        return runs.map((run, index) => ({ run, claim: { runId: run.id, owner, fence: rows[index]?.fence ?? 0 } }))
      }
      for (;;) {
        const claimed = await transaction(claim)
        if (claimed !== undefined) return claimed
      }
    },

    nextDue: () => nextDue(db),

    async renew(claim, now, leaseMs) {
      const result = await db
        .updateTable('runs')
        .set({ claim_expires_at: now + leaseMs })
        .where('id', '=', claim.runId)
        .where('owner', '=', claim.owner)
        .where('fence', '=', claim.fence)
        .executeTakeFirst()
      return result.numUpdatedRows > 0n
    },

    save: (claim, request, now) =>
      transaction(async tx => {
        const row = await held(tx, claim)
        if (row === undefined) return false
        await saveRun(tx, row, request, { now, ids })
        return true
      }),

    claimIntent: (claim, request) =>
      transaction(async tx => {
        const row = await held(tx, claim)
        return row === undefined ? { kind: 'lost' } : claimIntent(tx, row, request, ids)
      }),

    countSend: (claim, intentId) =>
      transaction(async tx => {
        const row = await held(tx, claim)
        // A hand-over that was stored before this is one before the write: nothing is sent. One that comes later finds it sent.
        return row === undefined || row.handed_json !== null ? false : countSend(tx, intentId)
      }),

    intentOf: (runId, step) => intentOf(db, runId, step),
    targetFacts: (target, also, runId, now) => targetFacts(db, { target, also, runId }, now),
    budgetUse: (budgets, target, policy, now) => budgetUse(db, budgets, { target, policy }, now),
    begin: (run, key, audit) => transaction(tx => beginRun(tx, run, key, audit)),
    looks: target => looksOf(db, target),
    saveDryRun: (run, audit, looked = []) =>
      transaction(async tx => {
        await saveDryRun(tx, run, audit)
        await keepLooks(tx, looked)
      }),

    async run(id) {
      const row = await db.selectFrom('runs').selectAll().where('id', '=', id).executeTakeFirst()
      return row === undefined ? undefined : (await withIncidents(db, [row]))[0]
    },

    async runOfIncident(incidentId) {
      const row = await db.selectFrom('runs').selectAll().where('incident_id', '=', incidentId).executeTakeFirst()
      return row === undefined ? undefined : (await withIncidents(db, [row]))[0]
    },

    async runs(filter, cursor, limit) {
      const rows = await filtered(db, filter, cursor)
        .limit(limit + 1)
        .execute()
      const page = rows.slice(0, limit)
      const last = page.at(-1)
      return { items: await withIncidents(db, page), ...(rows.length > limit && last !== undefined ? { next: last.id } : {}) }
    },

    async runCounts() {
      const rows = await db
        .selectFrom('runs')
        .select(['state', eb => eb.fn.countAll<number>().as('count')])
        .groupBy('state')
        .execute()
      return Object.fromEntries(rows.map(row => [row.state, Number(row.count)]))
    }
  }
}

function filtered(db: Kysely<Tables>, filter: RunFilter, cursor: string | undefined) {
  let query = db.selectFrom('runs').selectAll().orderBy('id', 'desc')
  if (cursor !== undefined) query = query.where('id', '<', cursor)
  if (filter.state !== undefined) query = query.where('state', '=', filter.state)
  if (filter.outcome !== undefined) query = query.where('outcome', '=', filter.outcome)
  if (filter.policy !== undefined) query = query.where('policy', '=', filter.policy)
  if (filter.target !== undefined) query = query.where('target_key', '=', filter.target)
  if (filter.kind !== undefined) query = query.where('kind', '=', filter.kind)
  if (filter.incident !== undefined) query = query.where('incident_id', '=', filter.incident)
  return query
}

/** The run's row, if the claim still holds. A fence that has grown means that another process works on the run. */
async function held(tx: LedgerTransaction, claim: Claim): Promise<Tables['runs'] | undefined> {
  const row = await tx.locked(tx.query.selectFrom('runs').selectAll().where('id', '=', claim.runId)).executeTakeFirst()
  return row?.owner === claim.owner && row.fence === claim.fence ? row : undefined
}

async function withIncidents(db: Kysely<Tables>, rows: readonly Tables['runs'][]): Promise<Run[]> {
  const ids = rows.flatMap(row => row.incident_id ?? [])
  const incidents = new Map<string, Incident>()
  for (const part of slices(ids)) {
    const found = await wholeIncidents(db).where('incidents.id', 'in', part).execute()
    for (const row of found) incidents.set(row.id, toIncident(row))
  }
  return rows.map(row => {
    const incident = row.incident_id === null ? undefined : incidents.get(row.incident_id)
    if (incident !== undefined) return toRun(row, { kind: 'alert', incident })
    if (row.trigger_json === null) throw new Error(`run ${row.id} has no trigger`)
    return toRun(row, triggerFromJson(row.trigger_json))
  })
}
