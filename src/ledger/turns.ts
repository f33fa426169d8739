import type { LedgerTransaction } from './database.ts'

/** The decisions that count rows. They must be made one after the other. */
export const TURNS = ['budget', 'storm', 'admission', 'claims', 'groups', 'parking', 'guards'] as const
export type Turn = (typeof TURNS)[number]

/**
 * Waits until nobody else makes this decision, and keeps the turn until the transaction ends. Rows that another transaction is
 * about to add can be neither counted nor locked. So each decision has one row, which is locked before the rows are counted.
 */
export async function takeTurn(tx: LedgerTransaction, turn: Turn): Promise<void> {
  await tx.locked(tx.query.selectFrom('turns').select('name').where('name', '=', turn)).executeTakeFirstOrThrow()
}
