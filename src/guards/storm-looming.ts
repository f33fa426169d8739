import { SECOND } from '../base/clock.ts'
import type { Guard } from '../domain/guard.ts'

/** A run waits for the samples of other targets for so long in all, milliseconds, so that nobody can hold it up for ever (rules 4). */
export const HELD_AT_MOST_MS = 30 * SECOND
/** How soon it looks again, milliseconds. Most targets are sampled within that time. */
const AGAIN_MS = SECOND

/** Holds a write while so many targets alert that it would be a storm, and some of them were not sampled yet. */
export const stormLooming: Guard = {
  name: 'storm-looming',
  check({ looming, run, now }) {
    const until = (run.heldSince ?? now) + HELD_AT_MOST_MS
    if (looming === undefined || now >= until) return undefined
    return {
      reason: 'storm-looming',
      detail: `${looming.targets} targets or more have young alerts, ${looming.notSampled} of them not sampled yet; waited for until ${new Date(until).toISOString()} at most`,
      until: Math.min(now + AGAIN_MS, until)
    }
  }
}
