import type { Kysely } from 'kysely'
import type { Ids } from '../base/clock.ts'
import { type ObjectRef, targetKey } from '../domain/objects.ts'
import type { Intent, IntentState } from '../domain/plan.ts'
import type { Budget } from '../domain/policy.ts'
import type { IntentRequest, IntentResult, SettledIntent } from '../domain/ports/ledger.ts'
import { appendAudit } from './audit-chain.ts'
import type { LedgerTransaction } from './database.ts'
import { parkOthers } from './parking.ts'
import { toIntent } from './rows.ts'
import { moveRun } from './run-moves.ts'
import { countForStorm } from './storm.ts'
import { keepSymptom } from './symptoms.ts'
import type { Tables } from './tables.ts'
import { takeTurn } from './turns.ts'

/** The states of an intent whose write was made, or may have been made. */
const COUNTED: readonly IntentState[] = ['pending', 'applied', 'unknown']

/**
 * Stores lock, budgets and intent in one transaction. The first to commit gets the target and the budget, whatever the number of
 * processes (promises 2, 3, 4, 8).
 */
export async function claimIntent(tx: LedgerTransaction, run: Tables['runs'], request: IntentRequest, ids: Ids): Promise<IntentResult> {
  const key = targetKey(request.plan.target)
  const existing = await tx.query
    .selectFrom('intents')
    .selectAll()
    .where('run_id', '=', run.id)
    .where('step', '=', request.step)
    .where('state', 'in', COUNTED)
    .executeTakeFirst()
  if (existing !== undefined) return { kind: 'exists', intent: toIntent(existing) }
  // Everyone locks keys in the same order, so that two runs never hold one key each and wait for the other's.
  for (const wanted of [key, ...request.locks].sort()) {
    // The update changes nothing. It waits for a transaction that takes or frees this lock, and then answers who has it.
    const lock = await tx.query
      .insertInto('locks')
      .values({ target_key: wanted, run_id: run.id, since: request.now })
      .onConflict(conflict => conflict.column('target_key').doUpdateSet(eb => ({ target_key: eb.ref('excluded.target_key') })))
      .returning('run_id')
      .executeTakeFirstOrThrow()
    if (lock.run_id === run.id) continue
    if (run.wrote === 0) await tx.query.deleteFrom('locks').where('run_id', '=', run.id).execute()
    return { kind: 'busy', by: lock.run_id }
  }
  // All budgets share one turn. That is enough, because these very budgets keep writes few.
  if (request.budgets.length > 0) await takeTurn(tx, 'budget')
  const of = { target: request.plan.target, policy: run.policy }
  for (const { budget, used } of await budgetUse(tx.query, request.budgets, of, request.now)) {
    if (used < budget.limit) continue
    await tx.query.deleteFrom('locks').where('run_id', '=', run.id).execute()
    return { kind: 'budget', budget, used }
  }
  const row: Tables['intents'] = {
    id: request.id,
    run_id: run.id,
    step: request.step,
    policy: run.policy,
    target_key: key,
    namespace: request.plan.target.namespace,
    plan_json: JSON.stringify(request.plan),
    state: 'pending',
    sends: 0,
    left_identity: null,
    created_at: request.now
  }
  await tx.query.insertInto('intents').values(row).execute()
  await takeTurn(tx, 'parking')
  const first = await keepSymptom(tx, run.incident_id, request.symptom)
  const confirmed = { symptom_json: JSON.stringify(request.symptom), confirmed: 1, parked_by: null }
  await moveRun(tx, run, 'executing', { step: request.step, reason: null, detail: null, ...confirmed })
  const parked = run.confirmed === 1 ? [] : await parkOthers(tx, run, request.now)
  const { storm: limits, now } = request
  const storm =
    first && run.incident_id !== null && limits !== undefined ? await countForStorm(tx, limits, run.incident_id, { now, ids }) : []
  await appendAudit(tx, [...request.audit, ...parked, ...storm])
  return { kind: 'stored', intent: toIntent(row) }
}

/** Counts a sending before it happens. There are at most two, the second only after a crash. */
export async function countSend(tx: LedgerTransaction, intentId: string): Promise<boolean> {
  const result = await tx.query
    .updateTable('intents')
    .set(eb => ({ sends: eb('sends', '+', 1) }))
    .where('id', '=', intentId)
    .where('state', '=', 'pending')
    .where('sends', '<', 2)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** Stores what became of an intent. A write that is known to be made also marks as bad what its plan names as bad. */
export async function settleIntent(tx: LedgerTransaction, run: Tables['runs'], settled: SettledIntent, now: number): Promise<void> {
  const row = await tx.query
    .updateTable('intents')
    .set({ state: settled.state, ...(settled.left === undefined ? {} : { left_identity: settled.left }) })
    .where('id', '=', settled.id)
    .where('run_id', '=', run.id)
    .returningAll()
    .executeTakeFirst()
  if (row === undefined) throw new Error(`run ${run.id} has no intent ${settled.id}`)
  if (settled.state !== 'applied' && settled.state !== 'unknown') return
  const { plan } = toIntent(row)
  const { loan } = plan
  if (loan !== undefined)
    await tx.query
      .insertInto('loans')
      .values({
        id: row.id,
        run_id: run.id,
        plan_json: row.plan_json,
        kind: loan.kind,
        state: 'held',
        next_at: now + (loan.kind === 'remind' ? loan.after : loan.atMost),
        after_ms: loan.after,
        told: 0
      })
      .onConflict(conflict => conflict.column('id').doNothing())
      .execute()
  // A release may bring another template or the same one. Only another one makes the template before it bad.
  const replaced = plan.to === undefined && settled.left !== undefined && settled.left !== plan.from
  for (const identity of replaced ? [...plan.bad, plan.from] : plan.bad)
    await tx.query
      .insertInto('bad_templates')
      .values({ target_key: row.target_key, identity, at: now, run_id: run.id })
      .onConflict(conflict => conflict.columns(['target_key', 'identity']).doUpdateSet({ at: now, run_id: run.id }))
      .execute()
}

export async function intentOf(db: Kysely<Tables>, runId: string, step: number): Promise<Intent | undefined> {
  const row = await db
    .selectFrom('intents')
    .selectAll()
    .where('run_id', '=', runId)
    .where('step', '=', step)
    .where('state', 'not in', ['withdrawn', 'refused'])
    .executeTakeFirst()
  return row === undefined ? undefined : toIntent(row)
}

/** Counts the writes against each budget within its time. */
export async function budgetUse(
  db: Kysely<Tables>,
  budgets: readonly Budget[],
  { target, policy }: { readonly target: ObjectRef; readonly policy: string },
  now: number
): Promise<{ readonly budget: Budget; readonly used: number }[]> {
  const uses: { readonly budget: Budget; readonly used: number }[] = []
  for (const budget of budgets) {
    let query = db
      .selectFrom('intents')
      .select(eb => eb.fn.countAll<number>().as('count'))
      .where('created_at', '>', now - budget.per)
      .where('state', 'in', COUNTED)
    switch (budget.scope) {
      case 'target':
        query = query.where('target_key', '=', targetKey(target))
        break
      case 'namespace':
        query = query.where('namespace', '=', target.namespace)
        break
      case 'policy':
        query = query.where('policy', '=', policy)
        break
      case 'global':
        break
    }
    uses.push({ budget, used: Number((await query.executeTakeFirstOrThrow()).count) })
  }
  return uses
}
