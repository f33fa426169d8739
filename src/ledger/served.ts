import type { Kysely } from 'kysely'
import type { LedgerTransaction } from './database.ts'
import type { Line } from './fair-lines.ts'
import type { Tables } from './tables.ts'

/** The sources of a line, with what each was served last. The source that was served longest ago comes first. */
export async function sourcesOf({ query }: { readonly query: Kysely<Tables> }, line: Line): Promise<readonly Tables['queues'][]> {
  return query.selectFrom('queues').selectAll().where('name', '=', line).orderBy('served').orderBy('source').execute()
}

/** Makes sure that each of these sources is known in the line. */
export async function knowSources(tx: LedgerTransaction, line: Line, sources: Iterable<string>): Promise<void> {
  const rows = [...new Set(sources)].map(source => ({ name: line, source, turn: 0, served: 0, free_at: 0 }))
  if (rows.length === 0) return
  await tx.query
    .insertInto('queues')
    .values(rows)
    .onConflict(conflict => conflict.columns(['name', 'source']).doNothing())
    .execute()
}

/** Keeps which turn each source was served, and in which order. @param served in the order of the service */
export async function keepServed(
  tx: LedgerTransaction,
  line: Line,
  sources: readonly Tables['queues'][],
  served: readonly { readonly source: string; readonly turn: number }[]
): Promise<void> {
  let count = Math.max(0, ...sources.map(source => source.served))
  const last = new Map<string, { readonly turn: number; readonly served: number }>()
  for (const { source, turn } of served) {
    count += 1
    last.set(source, { turn: Math.max(turn, last.get(source)?.turn ?? 0), served: count })
  }
  for (const [source, change] of last)
    await tx.query.updateTable('queues').set(change).where('name', '=', line).where('source', '=', source).execute()
}
