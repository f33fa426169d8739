import type { Database } from './database.ts'
import { movingRuns } from './run-moves.ts'

/**
 * Frees at once what a process had claimed that died on this database. Only a process that is alone on the database may call it.
 * With several processes, each claim runs out in its own time.
 */
export async function takeUpWhatWasLeft({ transaction }: Database): Promise<void> {
  await transaction(async tx => {
    await tx.query.updateTable('runs').set({ claim_expires_at: null, owner: null }).where('state', '<>', 'ended').execute()
    await tx.query.updateTable('outbox').set({ claimed_until: null }).where('claimed_until', 'is not', null).execute()
    // A dry run that was under way has lost its caller. It ends and says so, instead of waiting for ever.
    await movingRuns(tx, 'ended', { outcome: 'unknown', detail: 'Astern was stopped while it sampled' })
      .where('kind', '=', 'dry-run')
      .execute()
  })
}
