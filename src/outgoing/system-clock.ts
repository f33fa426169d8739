import { randomBytes } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import type { Clock, Ids } from '../base/clock.ts'

/** The machine's clock. */
export const systemClock: Clock = {
  now: Date.now,
  sleep: (ms, signal) => wait(ms, undefined, signal === undefined ? {} : { signal })
}

/** How many random bytes are drawn at once. Each draw is a system call, and this is enough for some hundred identifiers. */
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

/** Makes identifiers that sort by time: 9 characters of milliseconds in base 36, then 12 random ones. */
export const systemIds: Ids = {
  next: () => Date.now().toString(36).padStart(9, '0') + chance() + chance()
}

/** Makes six random characters in base 36 out of 48 random bits. The bias of 1 in 100,000 does not matter. */
function chance(): string {
  return (random48() % 36 ** 6).toString(36).padStart(6, '0')
}
