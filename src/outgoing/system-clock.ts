import { randomBytes } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import type { Clock, Ids } from '../domain/clock.ts'

/** The machine's clock. */
export const systemClock: Clock = {
  now: Date.now,
  sleep: (ms, signal) => wait(ms, undefined, signal === undefined ? {} : { signal })
}

/** Identifiers that sort by time: 9 characters of milliseconds in base 36, 12 of chance. */
export const systemIds: Ids = {
  next: () =>
    Date.now().toString(36).padStart(9, '0') +
    BigInt(`0x${randomBytes(8).toString('hex')}`)
      .toString(36)
      .padStart(13, '0')
      .slice(-12)
}
