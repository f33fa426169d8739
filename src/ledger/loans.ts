import type { Kysely, Transaction } from 'kysely'
import type { Plan } from '../domain/plan.ts'
import type { HeldLoan, LoanLedger } from '../domain/ports/ledger.ts'
import { appendAudit } from './audit-chain.ts'
import { enqueue } from './outbox.ts'
import { stored } from './rows.ts'
import type { Tables } from './tables.ts'

/** What was borrowed outlives runs, restarts and policies: it is given back from here. */
export function createLoans(db: Kysely<Tables>): LoanLedger {
  return {
    async heldLoans(limit) {
      const rows = await db.selectFrom('loans').selectAll().where('state', '=', 'held').orderBy('next_at').limit(limit).execute()
      return rows.flatMap(row => toLoan(row).map(loan => ({ ...loan, nextAt: row.next_at })))
    },

    async claimLoans(now, until, limit) {
      const due = db
        .selectFrom('loans')
        .select('id')
        .where('state', '=', 'held')
        .where('next_at', '<=', now)
        .orderBy('next_at')
        .limit(limit)
      // Mostly nothing is: that must cost no transaction.
      if ((await due.execute()).length === 0) return []
      const rows = await db.updateTable('loans').set({ next_at: until }).where('id', 'in', due).returningAll().execute()
      return rows.flatMap(toLoan)
    },

    settleLoan: (id, { state, nextAt, told, audit, messages }, now) =>
      db.transaction().execute(async transaction => {
        await transaction
          .updateTable('loans')
          .set({ state, next_at: nextAt, ...(told === undefined ? {} : { told }) })
          .where('id', '=', id)
          .execute()
        for (const message of messages) await enqueue(transaction, message, now)
        await appendAudit(transaction, audit)
      })
  }
}

function toLoan(row: Tables['loans']): HeldLoan[] {
  const plan = stored<Plan>(row.plan_json)
  return plan.loan === undefined ? [] : [{ id: row.id, runId: row.run_id, plan, loan: plan.loan, told: row.told }]
}

/** The run recovered: what it borrowed goes back after its time, and not only at the latest. */
export async function returnSoon(transaction: Transaction<Tables>, runId: string, now: number): Promise<void> {
  await transaction
    .updateTable('loans')
    .set(eb => ({ next_at: eb(eb.val(now), '+', eb.ref('after_ms')) }))
    .where('run_id', '=', runId)
    .where('kind', '=', 'return')
    .where('state', '=', 'held')
    .where(eb => eb('next_at', '>', eb(eb.val(now), '+', eb.ref('after_ms'))))
    .execute()
}
