/** The first wait, milliseconds. It doubles with each failure up to the last, because missing rights stay missing for a while. */
const FIRST_MS = 1_000
const LAST_MS = 60_000

export interface BackOff {
  /** Milliseconds to wait before the next try: half to all of the present step, so that many clients do not come back at once. */
  next(): number
  /** What was tried works again. */
  reset(): void
}

export function createBackOff(random: () => number): BackOff {
  let step = FIRST_MS
  return {
    next() {
      const wait = step * (0.5 + random() / 2)
      step = Math.min(LAST_MS, step * 2)
      return Math.round(wait)
    },
    reset() {
      step = FIRST_MS
    }
  }
}
