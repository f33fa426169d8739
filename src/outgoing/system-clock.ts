import { randomBytes } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import type { Clock, Ids } from '../base/clock.ts'

/** The machine's clock. */
export const systemClock: Clock = {
  now: Date.now,
  sleep: (ms, signal) => wait(ms, undefined, signal === undefined ? {} : { signal })
}

/** Drawn in one go, because each draw is a call into the system: enough for some hundred identifiers. */
const POOL_BYTES = 2_048
let pool = Buffer.alloc(0)
let used = 0

function random48(): number {
  if (used + 6 > pool.length) {
    pool = randomBytes(POOL_BYTES)
    used = 0
  }
  used += 6
  return pool.readUIntBE(used - 6, 6)
}

/** Identifiers that sort by time: 9 characters of milliseconds in base 36, 12 of chance. */
export const systemIds: Ids = {
  next: () => Date.now().toString(36).padStart(9, '0') + chance() + chance()
}

/** Six characters in base 36: of 48 random bits, those that fit without bias that matters (1 in 100,000). */
function chance(): string {
  return (random48() % 36 ** 6).toString(36).padStart(6, '0')
}
