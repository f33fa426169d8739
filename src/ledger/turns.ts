import type { LedgerTransaction } from './database.ts'

/** What is decided by counting rows, and must therefore be decided one after the other. */
export const TURNS = ['budget', 'storm'] as const
export type Turn = (typeof TURNS)[number]

/**
 * Waits until nobody else decides this, and keeps the turn until the transaction ends. Rows that another transaction is
 * about to add can be neither counted nor locked; so whoever counts them first locks the one row that stands for the decision.
 */
export async function takeTurn(tx: LedgerTransaction, turn: Turn): Promise<void> {
  await tx.locked(tx.query.selectFrom('turns').select('name').where('name', '=', turn)).executeTakeFirstOrThrow()
}
