import type { Database } from './database.ts'
import { movingRuns } from './run-moves.ts'

/**
 * Takes up what a process left behind that died on this database: what it had claimed is free at once. Only for whoever
 * is alone on the database; with several, each claim runs out in its own time.
 */
export async function takeUpWhatWasLeft({ transaction }: Database): Promise<void> {
  await transaction(async tx => {
    await tx.query.updateTable('runs').set({ claim_expires_at: null, owner: null }).where('state', '<>', 'ended').execute()
    await tx.query.updateTable('outbox').set({ claimed_until: null }).where('claimed_until', 'is not', null).execute()
    // Whoever asked for a dry run that was under way got no answer; it says so instead of waiting for ever.
    await movingRuns(tx, 'ended', { outcome: 'unknown', detail: 'Astern was stopped while it sampled' })
      .where('kind', '=', 'dry-run')
      .execute()
  })
}
