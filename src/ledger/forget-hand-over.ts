import type { LedgerTransaction } from './database.ts'

/**
 * Forgets who had the affair of these incidents, because it was over, and their alerts are back: people are called anew, and somebody
 * must be able to say “I’ve got this” again. Nothing is written for the incidents all the same, because people were told of them.
 */
export async function forgetHandOver(tx: LedgerTransaction, incidentIds: readonly string[]): Promise<void> {
  if (incidentIds.length === 0) return
  await tx.query
    .updateTable('runs')
    .set({ handed_json: null })
    .where('incident_id', 'in', incidentIds)
    .where('handed_json', 'is not', null)
    // A run that is not over goes on as it was told to.
    .where('state', '=', 'ended')
    .execute()
}
