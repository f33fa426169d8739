import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as letOthersRun } from 'node:timers/promises'
import type { Test } from 'tap'
import type { Ids } from '../../src/base/clock.ts'
import type { Ledger } from '../../src/domain/ports/ledger.ts'
import type { Database } from '../../src/ledger/database.ts'
import { createLedger } from '../../src/ledger/ledger.ts'
import { LEDGER_FILE, openSqliteFile } from '../../src/ledger/sqlite/file.ts'
import { openHandle } from '../../src/ledger/sqlite/handle.ts'
import { openSqliteLedger } from '../../src/ledger/sqlite/open.ts'

/** @param from where to begin, so that two processes have other ids */
export function countingIds(from = 0): Ids {
  let count = from
  return {
    next() {
      count += 1
      return `id-${String(count).padStart(6, '0')}`
    }
  }
}

/** A folder that is gone after the test. */
export function ledgerFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'astern-ledger-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** A ledger that is closed after the test, if it is not before; in a folder of its own unless one is given. */
export async function openLedger(t: Test, options: { readonly folder?: string; readonly ids?: Ids } = {}): Promise<Ledger> {
  return closedAfter(t, await openSqliteLedger(options.folder ?? ledgerFolder(t), options.ids ?? countingIds()))
}

/** Two handles on one database, as two processes have: neither knows of the other, and their transactions overlap. */
export async function openTwoHandles(t: Test): Promise<readonly [Ledger, Ledger]> {
  const file = join(ledgerFolder(t), LEDGER_FILE)
  // Identifiers are unique across processes.
  const ids = countingIds()
  const open = async () => {
    const { database } = await openHandle(await openSqliteFile(file), ids)
    return closedAfter(t, createLedger(unhurried(database), ids))
  }
  return [await open(), await open()]
}

/**
 * Transactions in one process are mostly over before another handle has its turn. These let the other one run after they
 * began, after they read, and before they end, so that whatever can go wrong does.
 */
function unhurried(database: Database): Database {
  return {
    ...database,
    transaction: work =>
      database.transaction(async tx => {
        await letOthersRun()
        const result = await work({
          ...tx,
          async newestIncidents(keys) {
            const newest = await tx.newestIncidents(keys)
            await letOthersRun()
            return newest
          }
        })
        await letOthersRun()
        return result
      })
  }
}

function closedAfter(t: Test, ledger: Ledger): Ledger {
  let closing: Promise<void> | undefined
  const close = (): Promise<void> => {
    closing ??= ledger.close()
    return closing
  }
  t.teardown(close)
  return { ...ledger, close }
}
