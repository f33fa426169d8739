/** Time, handed in so that tests can move it. Instants are epoch milliseconds, durations are milliseconds. */
export interface Clock {
  now(): number
  /** Resolves after `ms`; rejects with the signal's reason when it is aborted first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

/** Identifiers, handed in so that tests know them. Each is unique, and they sort by the time they were made. */
export interface Ids {
  next(): string
}

export const SECOND = 1_000
export const MINUTE = 60 * SECOND
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR
