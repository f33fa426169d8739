import type { Kysely, Transaction } from 'kysely'
import { AUDIT_KINDS, type AuditEntry, type AuditRow, auditText, CHAIN_START, chainHash } from '../domain/audit.ts'
import type { BulkRows } from './bulk.ts'
import { slices, stored } from './rows.ts'
import type { Tables } from './tables.ts'

export interface ChainHead {
  readonly seq: number
  readonly hash: string
}

/** The rows that follow a head, and the head after them. Pure. */
export function chained(
  head: ChainHead,
  entries: readonly AuditEntry[]
): { readonly rows: readonly Tables['audit'][]; readonly head: ChainHead } {
  let { seq, hash } = head
  const rows = entries.map(entry => {
    const text = auditText(entry)
    const previous = hash
    seq += 1
    hash = chainHash(previous, seq, text)
    return {
      seq,
      at: entry.at,
      kind: entry.kind,
      run_id: entry.runId ?? null,
      incident_id: entry.incidentId ?? null,
      text,
      previous,
      hash
    }
  })
  return { rows, head: { seq, hash } }
}

/** Adds rows to the chain, inside the transaction of the change that they explain. */
export async function appendAudit(transaction: Transaction<Tables>, entries: readonly AuditEntry[], bulk?: BulkRows): Promise<void> {
  if (entries.length === 0) return
  const before = await transaction.selectFrom('audit_head').select(['seq', 'hash']).where('id', '=', 1).executeTakeFirstOrThrow()
  const { rows, head } = chained(before, entries)
  if (bulk === undefined) for (const part of slices(rows)) await transaction.insertInto('audit').values(part).execute()
  else await bulk.insert(transaction, 'audit', rows)
  await transaction.updateTable('audit_head').set(head).where('id', '=', 1).execute()
}

export type ChainFault =
  | { readonly kind: 'edited'; readonly seq: number; readonly detail: string }
  | { readonly kind: 'missing'; readonly seq: number; readonly detail: string }
  | { readonly kind: 'reordered'; readonly seq: number; readonly detail: string }

export interface ChainReport {
  readonly rows: number
  readonly head: string
  readonly fault?: ChainFault
}

/** Deletes the rows before an instant; the chain then begins at the last of them, whose hash is kept. */
export async function pruneAudit(transaction: Transaction<Tables>, before: number): Promise<void> {
  const newer = await transaction.selectFrom('audit').select('seq').where('at', '>=', before).orderBy('seq').limit(1).executeTakeFirst()
  // The newest row always stays: it is what the next one is chained to.
  const head = await transaction.selectFrom('audit_head').select('seq').where('id', '=', 1).executeTakeFirstOrThrow()
  const end = (newer?.seq ?? head.seq) - 1
  const last = await transaction.selectFrom('audit').select(['seq', 'hash']).where('seq', '=', end).executeTakeFirst()
  if (last === undefined) return
  await transaction.updateTable('audit_head').set({ base_seq: last.seq, base_hash: last.hash }).where('id', '=', 1).execute()
  await transaction.deleteFrom('audit').where('seq', '<=', last.seq).execute()
}

/** Walks the whole chain, from the first row to the head that is kept beside it, and names the first row that is wrong. */
export async function verifyChain(db: Kysely<Tables>): Promise<ChainReport> {
  const head = await db.selectFrom('audit_head').selectAll().where('id', '=', 1).executeTakeFirst()
  if (head === undefined) return { rows: 0, head: CHAIN_START, fault: { kind: 'missing', seq: 0, detail: 'the head of the chain is gone' } }
  let previous = head.base_hash
  let expected = head.base_seq + 1
  for (;;) {
    const rows = await db.selectFrom('audit').selectAll().where('seq', '>=', expected).orderBy('seq').limit(1_000).execute()
    for (const row of rows) {
      const fault = faultOf(row, expected, previous)
      if (fault !== undefined) return { rows: expected - 1 - head.base_seq, head: previous, fault }
      previous = row.hash
      expected += 1
    }
    if (rows.length < 1_000) break
  }
  const rows = expected - 1 - head.base_seq
  const last = expected - 1
  if (last < head.seq)
    return { rows, head: previous, fault: { kind: 'missing', seq: expected, detail: `the newest ${head.seq - last} rows are gone` } }
  if (last > head.seq || previous !== head.hash)
    return { rows, head: previous, fault: { kind: 'edited', seq: last, detail: 'the chain does not end at its head' } }
  return { rows, head: previous }
}

function faultOf(row: Tables['audit'], expected: number, previous: string): ChainFault | undefined {
  if (row.seq !== expected) return { kind: 'missing', seq: expected, detail: `row ${expected} is gone; the next one is ${row.seq}` }
  if (row.hash !== chainHash(row.previous, row.seq, row.text)) return { kind: 'edited', seq: row.seq, detail: `row ${row.seq} was edited` }
  if (row.previous !== previous) return { kind: 'reordered', seq: row.seq, detail: `row ${row.seq} does not follow row ${row.seq - 1}` }
  const told = toAuditRow(row)
  if (
    told.at !== row.at ||
    told.kind !== row.kind ||
    (told.runId ?? null) !== row.run_id ||
    (told.incidentId ?? null) !== row.incident_id
  ) {
    return { kind: 'edited', seq: row.seq, detail: `the columns of row ${row.seq} do not say what its text says` }
  }
  return undefined
}

/** @throws where the row's text is of no kind that this version knows */
export function toAuditRow({ seq, text, previous, hash }: Tables['audit']): AuditRow {
  const { at, kind, runId, incidentId, body } = stored<AuditEntry>(text)
  if (!AUDIT_KINDS.includes(kind)) throw new Error(`audit row ${seq} is of an unknown kind`)
  // In the order in which an export tells it.
  const told = { seq, at, kind, ...(runId === undefined ? {} : { runId }), ...(incidentId === undefined ? {} : { incidentId }) }
  return { ...told, body, previous, hash } as AuditRow
}
