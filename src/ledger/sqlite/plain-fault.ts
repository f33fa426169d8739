/** https://www.sqlite.org/rescode.html#full; the higher bits say more. */
const SQLITE_FULL = 13
/** What the system says where there is no room: on the disk, in a quota, or for one file. */
const NO_ROOM: readonly unknown[] = ['ENOSPC', 'EDQUOT', 'EFBIG']

/** https://www.sqlite.org/rescode.html#ioerr_write: SQLite does not say why the system took no write. */
const SQLITE_IOERR_WRITE = 778

/** Says in plain words that the disk is full, or may be, where that is what failed; every other error is given back as it is. */
export function plainFault(cause: unknown): unknown {
  if (isFull(cause)) return new Error('the disk is full: make room where the ledger’s folder is', { cause })
  if (cause instanceof Error && 'errcode' in cause && cause.errcode === SQLITE_IOERR_WRITE)
    return new Error('the disk takes no writes, and may be full: see to room where the ledger’s folder is', { cause })
  return cause
}

function isFull(cause: unknown): boolean {
  if (!(cause instanceof Error)) return false
  if ('errcode' in cause && typeof cause.errcode === 'number' && (cause.errcode & 0xff) === SQLITE_FULL) return true
  return 'code' in cause && NO_ROOM.includes(cause.code)
}
