import type { Symptom } from '../domain/symptom.ts'
import type { LedgerTransaction } from './database.ts'

/**
 * Notes on an incident that its symptom was measured. The first measurement counts for when, and the earliest for since when: a
 * later one may look back less far.
 * @returns true where it is the first measurement
 */
export async function keepSymptom(tx: LedgerTransaction, incidentId: string | null, { since, measuredAt }: Symptom): Promise<boolean> {
  if (incidentId === null) return false
  const first = await tx.query
    .updateTable('incidents')
    .set({ verified_at: measuredAt, symptom_since: since })
    .where('id', '=', incidentId)
    .where('verified_at', 'is', null)
    .executeTakeFirst()
  await tx.query
    .updateTable('incidents')
    .set({ symptom_since: since })
    .where('id', '=', incidentId)
    .where('symptom_since', '>', since)
    .execute()
  return first.numUpdatedRows > 0n
}
