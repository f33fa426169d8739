import type { Kysely } from 'kysely'
import type { HeldLoan, LoanLedger } from '../domain/ports/ledger.ts'
import { appendAudit } from './audit-chain.ts'
import type { Database, LedgerTransaction } from './database.ts'
import { enqueue } from './outbox.ts'
import { storedPlan } from './rows.ts'
import type { Tables } from './tables.ts'

/** Keeps what was borrowed. A loan outlives runs, restarts and policies, and is given back by what stands here. */
export function createLoans({ db, transaction }: Database): LoanLedger {
  return {
    async heldLoans(limit) {
      const rows = await db.selectFrom('loans').selectAll().where('state', '=', 'held').orderBy('next_at').limit(limit).execute()
      return rows.flatMap(row => toLoan(row).map(loan => ({ ...loan, nextAt: row.next_at })))
    },

    async claimLoans(now, until, limit) {
      // Mostly no loan is due, and then this must cost no transaction.
      if ((await dueLoans(db, now).limit(1).execute()).length === 0) return []
      return transaction(async tx => {
        const due = tx.unclaimed(dueLoans(tx.query, now).orderBy('next_at').limit(limit))
        const rows = await tx.query.updateTable('loans').set({ next_at: until }).where('id', 'in', due).returningAll().execute()
        return rows.flatMap(toLoan)
      })
    },

    settleLoan: (id, { state, nextAt, reminders, audit, messages }, now) =>
      transaction(async tx => {
        await tx.query
          .updateTable('loans')
          .set({ state, next_at: nextAt, ...(reminders === undefined ? {} : { told: reminders }) })
          .where('id', '=', id)
          .execute()
        for (const message of messages) await enqueue(tx, message, now)
        await appendAudit(tx, audit)
      })
  }
}

function dueLoans(db: Kysely<Tables>, now: number) {
  return db.selectFrom('loans').select('id').where('state', '=', 'held').where('next_at', '<=', now)
}

function toLoan(row: Tables['loans']): HeldLoan[] {
  const plan = storedPlan(row.plan_json)
  return plan.loan === undefined ? [] : [{ id: row.id, runId: row.run_id, plan, loan: plan.loan, reminders: row.told }]
}

/** Makes loans of a run that recovered due after their time, instead of at the latest instant. */
export async function returnSoon(tx: LedgerTransaction, runId: string, now: number): Promise<void> {
  await tx.query
    .updateTable('loans')
    .set(eb => ({ next_at: eb(eb.val(now), '+', eb.ref('after_ms')) }))
    .where('run_id', '=', runId)
    .where('kind', '=', 'return')
    .where('state', '=', 'held')
    .where(eb => eb('next_at', '>', eb(eb.val(now), '+', eb.ref('after_ms'))))
    .execute()
}
