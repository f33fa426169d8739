import { type Clock, MINUTE } from '../base/clock.ts'
import { LOOPS, type Loop } from '../domain/heartbeat.ts'

/**
 * A loop that has not finished a turn for so long hangs. A turn takes a second, or as long as the slowest call in it, whose deadlines are
 * below a minute.
 */
const HANGS_AFTER_MS = 2 * MINUTE

/** Knows of each loop when it last finished a turn: a timer of its own would go on while the work stands still. */
export interface Pulse {
  turned(loop: Loop): void
  /** The loops that hang, or have not finished a turn yet, in words. */
  ailments(): readonly string[]
}

export function createPulse({ now }: Pick<Clock, 'now'>): Pulse {
  const turns = new Map<Loop, number>()
  return {
    turned: loop => void turns.set(loop, now()),
    ailments: () =>
      LOOPS.flatMap(loop => {
        const at = turns.get(loop)
        if (at === undefined) return [`the ${loop} has not finished a turn yet`]
        const silent = now() - at
        return silent > HANGS_AFTER_MS ? [`the ${loop} has not finished a turn for ${Math.round(silent / 1_000)} s`] : []
      })
  }
}
