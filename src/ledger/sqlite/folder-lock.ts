import { accessSync, constants, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { LedgerError } from '../ledger-error.ts'
import { makePrivate } from './file.ts'
import { plainFault } from './plain-fault.ts'
import { keepPrivate } from './private-files.ts'

/**
 * Makes the ledger's folder where there is none, for this user alone, and takes it for this process until the lock is closed. Two processes on one
 * folder would both believe that they act alone. The lock is SQLite's own, on a file beside the ledger. The system drops it when
 * the process dies, however it dies, and the ledger stays readable for `audit verify`.
 * @throws LedgerError where the folder cannot be written to or another process holds it.
 */
export function lockFolder(folder: string): { close(): void } {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK)
    keepPrivate(folder)
    makePrivate(join(folder, 'lock.sqlite'))
  } catch (cause) {
    throw notWritable(folder, cause)
  }
  let lock: DatabaseSync | undefined
  try {
    lock = new DatabaseSync(join(folder, 'lock.sqlite'))
    lock.exec('pragma busy_timeout = 0; begin exclusive')
    return lock
  } catch (cause) {
    lock?.close()
    if (cause instanceof Error && /locked|busy/i.test(cause.message))
      throw new LedgerError(`another Astern uses the data folder ${folder}: stop it, or give this one another --data-dir`, { cause })
    throw notWritable(folder, cause)
  }
}

function notWritable(folder: string, cause: unknown): LedgerError {
  const plain = plainFault(cause)
  if (plain !== cause && plain instanceof Error)
    return new LedgerError(`the data folder ${folder} cannot be written to: ${plain.message}`, { cause })
  return new LedgerError(`the data folder ${folder} cannot be written to: give --data-dir a folder that this user may write`, { cause })
}
