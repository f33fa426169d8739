import { join } from 'node:path'
import { Kysely } from 'kysely'
import type { AuditRow } from '../../domain/audit.ts'
import { type ChainReport, toAuditRow, verifyChain } from '../audit-chain.ts'
import { LedgerError } from '../ledger-error.ts'
import type { Tables } from '../tables.ts'
import { readingDialect } from './dialect.ts'
import { LEDGER_FILE, openReader } from './file.ts'

export interface AuditFile {
  verify(): Promise<ChainReport>
  rows(after: number, limit: number): Promise<readonly AuditRow[]>
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
    // All is read in one transaction, so that rows that are written meanwhile are seen either all or not at all.
    verify: () => db.transaction().execute(transaction => verifyChain(transaction)),
    async rows(after, limit) {
      return (await db.selectFrom('audit').selectAll().where('seq', '>', after).orderBy('seq').limit(limit).execute()).map(toAuditRow)
    },
    close: () => db.destroy()
  }
}
