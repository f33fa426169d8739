import { chmodSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

/** The files that Astern makes in the ledger's folder. */
const OURS = /^(ledger\.(sqlite(-wal|-shm|-journal)?|head(\.new)?)|lock\.sqlite(-wal|-shm|-journal)?)$/

/**
 * Makes the ledger's files 0600 and its folder 0700, whatever was there: of a release before, of a backup, or of an orchestrator. A
 * folder that holds other files too, such as `/var/lib`, is left as it is, because others may need to get into it. What belongs to
 * another user, such as the root of a mounted volume, cannot be changed and stays as well.
 */
export function keepPrivate(folder: string): void {
  const names = readdirSync(folder)
  for (const name of names) if (OURS.test(name)) changeMode(join(folder, name), 0o600)
  // A file system's own folder is on the root of every fresh volume.
  if (names.every(name => OURS.test(name) || name === 'lost+found')) changeMode(folder, 0o700)
}

function changeMode(path: string, mode: number): void {
  try {
    chmodSync(path, mode)
  } catch (cause) {
    // ENOENT: SQLite removes files of its own when a reader closes.
    if (!(cause instanceof Error && 'code' in cause && (cause.code === 'EPERM' || cause.code === 'ENOENT'))) throw cause
  }
}
