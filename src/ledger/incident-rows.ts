import type { ExpressionBuilder, Kysely } from 'kysely'
import type { LedgerTransaction } from './database.ts'
import type { Tables } from './tables.ts'

/** Begins a query for whole incidents. Columns of both tables are named `incidents.…`. */
export function wholeIncidents(query: Kysely<Tables>) {
  return query
    .selectFrom('incidents')
    .innerJoin('label_sets', join =>
      join.onRef('label_sets.source', '=', 'incidents.source').onRef('label_sets.identity', '=', 'incidents.identity')
    )
    .selectAll('incidents')
    .select('label_sets.labels_json')
}

/** Deletes the label sets that no incident has any more. */
export async function pruneLabelSets(tx: LedgerTransaction): Promise<void> {
  // Open and closed incidents have an index each, and a query uses it only where it names the state as the index does.
  const without = (operator: '=' | '<>') => (eb: ExpressionBuilder<Tables, 'label_sets'>) =>
    eb.not(
      eb.exists(
        eb
          .selectFrom('incidents')
          .select('incidents.id')
          .whereRef('incidents.source', '=', 'label_sets.source')
          .whereRef('incidents.identity', '=', 'label_sets.identity')
          .where('incidents.state', operator, 'open')
      )
    )
  await tx.query.deleteFrom('label_sets').where(without('=')).where(without('<>')).execute()
}
