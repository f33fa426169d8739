import { join } from 'node:path'
import { Kysely } from 'kysely'
import { type AuditRow, CHAIN_START } from '../../domain/audit.ts'
import { type ChainHead, type ChainReport, hasHead, rowOfHash, toAuditRow, verifyChain } from '../audit-chain.ts'
import { LedgerError } from '../ledger-error.ts'
import { rawCopyOf } from '../raw-copies.ts'
import type { Tables } from '../tables.ts'
import { readingDialect } from './dialect.ts'
import { hasLedger, LEDGER_FILE, openReader } from './file.ts'
import { readKeptHead } from './kept-head.ts'

export interface AuditFile {
  /** @param contains a hash, or the first 16 digits and more of one, that some row of the chain must have */
  verify(contains?: string): Promise<ChainReport>
  rows(after: number, limit: number): Promise<readonly AuditRow[]>
  /** The body of a delivery as it was received; undefined where there is none, `dropped` where the quota of its source was used up. */
  delivery(id: string): Promise<Uint8Array | 'dropped' | undefined>
  close(): Promise<void>
}

/** Reads the audit log of a folder, also while Astern uses it. @throws LedgerError */
export async function openAuditFile(folder: string): Promise<AuditFile> {
  let reader: ReturnType<typeof openReader>
  try {
    reader = openReader(join(folder, LEDGER_FILE))
  } catch (cause) {
    throw new LedgerError(`there is no ledger that can be read in ${folder}: give --data-dir the folder that \`astern serve\` uses`, {
      cause
    })
  }
  const db = new Kysely<Tables>({ dialect: readingDialect(reader) })
  return {
    async verify(contains) {
      // The head is read first: a row that is written meanwhile is then in the chain too.
      const kept = readKeptHead(folder)
      if (!hasLedger(reader)) return emptied(folder, kept)
      // All is read in one transaction, so that rows that are written meanwhile are seen either all or not at all.
      return db.transaction().execute(async transaction => {
        const report = await verifyChain(transaction)
        if (report.fault !== undefined) return report
        if (kept !== undefined && !(await hasHead(transaction, kept)))
          return { ...report, fault: cut(kept.seq, `the ledger held row ${kept.seq} with another end (ledger.head)`) }
        if (contains === undefined) return report
        const row = await rowOfHash(transaction, contains)
        return row === undefined
          ? { ...report, fault: cut(report.rows + 1, `no row has the hash ${contains}: the end was cut off, or it is another log`) }
          : { ...report, contains: row }
      })
    },
    async rows(after, limit) {
      return (await db.selectFrom('audit').selectAll().where('seq', '>', after).orderBy('seq').limit(limit).execute()).map(toAuditRow)
    },
    delivery: id => rawCopyOf(db, id),
    close: () => db.destroy()
  }
}

function cut(seq: number, detail: string): ChainReport['fault'] & object {
  return { kind: 'cut', seq, detail }
}

/** @throws LedgerError where the folder never had a ledger */
function emptied(folder: string, kept: ChainHead | undefined): ChainReport {
  if (kept === undefined) throw new LedgerError(`the ledger in ${folder} is empty: \`astern serve\` did not get to make it`)
  return { rows: 0, head: CHAIN_START, fault: cut(1, `the ledger is empty, and it held row ${kept.seq} (ledger.head)`) }
}
