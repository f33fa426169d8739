import { MINUTE, SECOND } from '../../base/clock.ts'

/** How long a server may be away before the command gives up, milliseconds. */
export interface Patience {
  readonly ms: number
}

/** A server that is restarted, or moved to another node, is back by then. */
const LONGEST = 2 * MINUTE
const FIRST_PAUSE = SECOND
const LONGEST_PAUSE = 15 * SECOND

/** Nobody waits longer for the server than the guard itself would for a verdict. */
export function patienceFor(timeout: number | undefined): Patience {
  return { ms: Math.min(LONGEST, timeout ?? LONGEST) }
}

/** Milliseconds before the next attempt: 1 s, 2 s, 4 s … 15 s. */
export function backOff(attempt: number): number {
  return Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** Math.min(10, attempt - 1))
}
