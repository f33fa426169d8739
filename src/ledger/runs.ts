import type { Kysely, Transaction } from 'kysely'
import type { Incident } from '../domain/incident.ts'
import { targetKey } from '../domain/objects.ts'
import type { RunFilter, RunLedger, SaveRequest } from '../domain/ports/ledger.ts'
import { type Claim, mayMove, type Run } from '../domain/run.ts'
import { appendAudit } from './audit-chain.ts'
import { budgetUse, claimIntent, countSend, intentOf, settleIntent } from './intents.ts'
import { returnSoon } from './loans.ts'
import { enqueue } from './outbox.ts'
import { slices, toIncident, toRun, toRunState, triggerFromJson } from './rows.ts'
import type { Tables } from './tables.ts'
import { targetFacts } from './target-facts.ts'

type RunsLedger = RunLedger & { releaseAll(): Promise<void> }

export function createRuns(db: Kysely<Tables>): RunsLedger {
  return {
    async claimDue(owner, now, leaseMs, limit) {
      // Mostly nothing is: that must cost no transaction.
      if ((await dueRuns(db, now).limit(1).execute()).length === 0) return []
      return db.transaction().execute(async transaction => {
        const rows = await transaction
          .updateTable('runs')
          .set(eb => ({ owner, fence: eb('fence', '+', 1), claim_expires_at: now + leaseMs }))
          .where('id', 'in', dueRuns(transaction, now).orderBy('next_at').limit(limit))
          .returningAll()
          .execute()
        const runs = await withIncidents(transaction, rows)
        return runs.map((run, index) => ({ run, claim: { runId: run.id, owner, fence: rows[index]?.fence ?? 0 } }))
      })
    },

    async nextDue() {
      const row = await db
        .selectFrom('runs')
        .select(eb => eb.fn.min('next_at').as('at'))
        .where('kind', '=', 'live')
        .where('state', '<>', 'ended')
        .where('claim_expires_at', 'is', null)
        .executeTakeFirst()
      return row?.at ?? undefined
    },

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
      db.transaction().execute(async transaction => {
        const row = await held(transaction, claim)
        if (row === undefined) return false
        await saveRun(transaction, row, request, now)
        return true
      }),

    claimIntent: (claim, request) =>
      db.transaction().execute(async transaction => {
        const row = await held(transaction, claim)
        return row === undefined ? { kind: 'lost' } : claimIntent(transaction, row, request)
      }),

    countSend: (claim, intentId) =>
      db
        .transaction()
        .execute(async transaction => ((await held(transaction, claim)) === undefined ? false : countSend(transaction, intentId))),

    intentOf: (runId, step) => intentOf(db, runId, step),
    targetFacts: (target, also, runId, now) => targetFacts(db, target, also, runId, now),
    budgetUse: (budgets, target, policy, now) => budgetUse(db, budgets, target, policy, now),

    begin: (run, key, audit) =>
      db.transaction().execute(async transaction => {
        const inserted = await transaction
          .insertInto('runs')
          .values(toAskedRow(run, key))
          .onConflict(conflict => conflict.doNothing())
          .executeTakeFirst()
        if ((inserted.numInsertedOrUpdatedRows ?? 0n) > 0n) {
          await appendAudit(transaction, audit)
          return { id: run.id, state: 'started' }
        }
        const { id } = await transaction
          .selectFrom('runs')
          .select('id')
          .where('asked_key', '=', key)
          .where('state', '<>', 'ended')
          .executeTakeFirstOrThrow()
        return { id, state: 'under-way' }
      }),

    saveDryRun: (run, audit) =>
      db.transaction().execute(async transaction => {
        await transaction
          .insertInto('runs')
          .values(toAskedRow(run, null))
          .onConflict(conflict =>
            conflict.column('id').doUpdateSet(eb => ({
              state: eb.ref('excluded.state'),
              outcome: eb.ref('excluded.outcome'),
              reason: eb.ref('excluded.reason'),
              detail: eb.ref('excluded.detail'),
              ended_at: eb.ref('excluded.ended_at'),
              target_key: eb.ref('excluded.target_key')
            }))
          )
          .execute()
        await appendAudit(transaction, audit)
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
    },

    // Only where one process at a time may hold the database: what it claimed before it died is free at once.
    async releaseAll() {
      await db.updateTable('runs').set({ claim_expires_at: null, owner: null }).where('state', '<>', 'ended').execute()
      // Whoever asked for a dry run that was under way got no answer; it says so instead of waiting for ever.
      await db
        .updateTable('runs')
        .set({ state: 'ended', outcome: 'unknown', detail: 'Astern was stopped while it sampled' })
        .where('kind', '=', 'dry-run')
        .where('state', '<>', 'ended')
        .execute()
    }
  }
}

/** A dry run by API is nobody's to take up: it is carried out by whoever asked, and writes nothing. */
function dueRuns(db: Kysely<Tables>, now: number) {
  return db
    .selectFrom('runs')
    .select('id')
    .where('kind', '=', 'live')
    .where('state', '<>', 'ended')
    .where('next_at', '<=', now)
    .where(where => where.or([where('claim_expires_at', 'is', null), where('claim_expires_at', '<=', now)]))
}

/** A run that no alert began: it keeps its trigger itself. */
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
    owner: null,
    fence: 0,
    claim_expires_at: null
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

/** The run's row, if the claim still holds: a fence that moved on means that another process works on it. */
async function held(transaction: Transaction<Tables>, claim: Claim): Promise<Tables['runs'] | undefined> {
  const row = await transaction.selectFrom('runs').selectAll().where('id', '=', claim.runId).executeTakeFirst()
  return row?.owner === claim.owner && row.fence === claim.fence ? row : undefined
}

async function saveRun(transaction: Transaction<Tables>, row: Tables['runs'], request: SaveRequest, now: number): Promise<void> {
  const { change } = request
  if (change.state !== undefined && !mayMove(toRunState(row.state), change.state))
    throw new Error(`run ${row.id} cannot go from ${row.state} to ${change.state}`)
  const ended = change.state === 'ended'
  await transaction
    .updateTable('runs')
    .set({
      state: change.state ?? row.state,
      ...(change.step === undefined ? {} : { step: change.step }),
      ...(change.nextAt === undefined ? {} : { next_at: change.nextAt }),
      ...(change.outcome === undefined ? {} : { outcome: change.outcome }),
      ...(change.reason === undefined ? {} : { reason: change.reason }),
      ...(change.detail === undefined ? {} : { detail: change.detail }),
      ...(change.wrote === undefined ? {} : { wrote: change.wrote ? 1 : 0 }),
      ...(change.progress === undefined ? {} : { progress_json: change.progress === null ? null : JSON.stringify(change.progress) }),
      ...(ended ? { ended_at: now } : {}),
      ...(request.release === true || ended ? { claim_expires_at: null, owner: null } : {})
    })
    .where('id', '=', row.id)
    .execute()
  if (change.outcome === 'recovered') await returnSoon(transaction, row.id, now)
  if (request.intent !== undefined) await settleIntent(transaction, row, request.intent, now)
  if (ended || request.releaseLock === true) await transaction.deleteFrom('locks').where('run_id', '=', row.id).execute()
  if (request.told === true && row.incident_id !== null)
    await transaction
      .updateTable('incidents')
      .set({ told_at: now })
      .where('id', '=', row.incident_id)
      .where('told_at', 'is', null)
      .execute()
  for (const message of request.messages ?? []) await enqueue(transaction, message, now)
  await appendAudit(transaction, request.audit)
}

async function withIncidents(db: Kysely<Tables>, rows: readonly Tables['runs'][]): Promise<Run[]> {
  const ids = rows.flatMap(row => row.incident_id ?? [])
  const incidents = new Map<string, Incident>()
  for (const part of slices(ids)) {
    const found = await db.selectFrom('incidents').selectAll().where('id', 'in', part).execute()
    for (const row of found) incidents.set(row.id, toIncident(row))
  }
  return rows.map(row => {
    const incident = row.incident_id === null ? undefined : incidents.get(row.incident_id)
    if (incident !== undefined) return toRun(row, { kind: 'alert', incident })
    if (row.trigger_json === null) throw new Error(`run ${row.id} has no trigger`)
    return toRun(row, triggerFromJson(row.trigger_json))
  })
}
