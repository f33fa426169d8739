import type { Kysely } from 'kysely'
import { AUDIT_KINDS, type AuditEntry, type AuditRow, auditText, CHAIN_START, chainHash } from '../domain/audit.ts'
import { compiledOnce } from './compiled-once.ts'
import type { LedgerTransaction } from './database.ts'
import { stored } from './rows.ts'
import { inStretches } from './stretches.ts'
import type { Tables } from './tables.ts'

export interface ChainHead {
  readonly seq: number
  readonly hash: string
}

/** Makes the rows that follow a head, and the head after them. Pure. */
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
export async function appendAudit(tx: LedgerTransaction, entries: readonly AuditEntry[]): Promise<void> {
  if (entries.length === 0) return
  let head = await lockedHead(tx)
  await inStretches(entries, async some => {
    const next = chained(head, some)
    await tx.insertMany('audit', next.rows)
    head = next.head
  })
  await moveHead(tx, head)
}

/** Reads the end of the chain and locks it. Writers add one after the other, because each row's hash covers the row before it. */
async function lockedHead(tx: LedgerTransaction): Promise<ChainHead> {
  const [head] = await readHead(tx, {})
  if (head === undefined) throw new Error('the audit chain has no head')
  return head
}

const readHead = compiledOnce(tx => tx.locked(tx.query.selectFrom('audit_head').select(['seq', 'hash']).where('id', '=', 1)))
const moveHead = compiledOnce<keyof ChainHead, unknown>((tx, value) =>
  tx.query
    .updateTable('audit_head')
    .set({ seq: value('seq'), hash: value('hash') })
    .where('id', '=', 1)
)

export type ChainFault =
  | { readonly kind: 'edited'; readonly seq: number; readonly detail: string }
  | { readonly kind: 'missing'; readonly seq: number; readonly detail: string }
  | { readonly kind: 'reordered'; readonly seq: number; readonly detail: string }
  /** The chain is whole, and does not go on as it once did. */
  | { readonly kind: 'cut'; readonly seq: number; readonly detail: string }

export interface ChainReport {
  readonly rows: number
  readonly head: string
  /** The row with the hash that was asked for. */
  readonly contains?: number
  readonly fault?: ChainFault
}

/** Deletes the rows before an instant. The chain then begins after the last of them, whose hash is kept. */
export async function pruneAudit(tx: LedgerTransaction, before: number): Promise<void> {
  const head = await lockedHead(tx)
  const newer = await tx.query.selectFrom('audit').select('seq').where('at', '>=', before).orderBy('seq').limit(1).executeTakeFirst()
  // The newest row always stays, because the next one is chained to it.
  const end = (newer?.seq ?? head.seq) - 1
  const last = await tx.query.selectFrom('audit').select(['seq', 'hash']).where('seq', '=', end).executeTakeFirst()
  if (last === undefined) return
  await tx.query.updateTable('audit_head').set({ base_seq: last.seq, base_hash: last.hash }).where('id', '=', 1).execute()
  await tx.query.deleteFrom('audit').where('seq', '<=', last.seq).execute()
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

/**
 * Whether the chain has the row of a head that was kept elsewhere. A head before the first row that is left cannot be looked up any
 * more; the chain went on from there, so it counts as had.
 */
export async function hasHead(db: Kysely<Tables>, { seq, hash }: ChainHead): Promise<boolean> {
  const head = await db.selectFrom('audit_head').select(['base_seq', 'base_hash']).where('id', '=', 1).executeTakeFirst()
  if (head === undefined) return false
  if (seq <= head.base_seq) return seq < head.base_seq || hash === head.base_hash
  const row = await db.selectFrom('audit').select('hash').where('seq', '=', seq).executeTakeFirst()
  return row?.hash === hash
}

/** The number of the row that has a hash, or begins with it; undefined where none has. */
export async function rowOfHash(db: Kysely<Tables>, start: string): Promise<number | undefined> {
  const head = await db.selectFrom('audit_head').select(['base_seq', 'base_hash']).where('id', '=', 1).executeTakeFirst()
  if (head?.base_hash.startsWith(start) === true) return head.base_seq
  const row = await db
    .selectFrom('audit')
    .select('seq')
    .where(eb => eb(eb.fn<string>('substr', ['hash', eb.val(1), eb.val(start.length)]), '=', start))
    .limit(1)
    .executeTakeFirst()
  return row?.seq
}

function faultOf(row: Tables['audit'], expected: number, previous: string): ChainFault | undefined {
  if (row.seq !== expected) return { kind: 'missing', seq: expected, detail: `row ${expected} is gone; the next one is ${row.seq}` }
  if (row.hash !== chainHash(row.previous, row.seq, row.text)) return { kind: 'edited', seq: row.seq, detail: `row ${row.seq} was edited` }
  if (row.previous !== previous) return { kind: 'reordered', seq: row.seq, detail: `row ${row.seq} does not follow row ${row.seq - 1}` }
  const fromText = toAuditRow(row)
  if (
    fromText.at !== row.at ||
    fromText.kind !== row.kind ||
    (fromText.runId ?? null) !== row.run_id ||
    (fromText.incidentId ?? null) !== row.incident_id
  ) {
    return { kind: 'edited', seq: row.seq, detail: `the columns of row ${row.seq} do not say what its text says` }
  }
  return undefined
}

/** @throws where the row's text is of no kind that this version knows */
export function toAuditRow({ seq, text, previous, hash }: Tables['audit']): AuditRow {
  const { at, kind, runId, incidentId, body } = stored<AuditEntry>(text)
  if (!AUDIT_KINDS.includes(kind)) throw new Error(`audit row ${seq} is of an unknown kind`)
  // The fields are in the order of an export.
  const entry = { seq, at, kind, ...(runId === undefined ? {} : { runId }), ...(incidentId === undefined ? {} : { incidentId }) }
  return { ...entry, body, previous, hash } as AuditRow
}
