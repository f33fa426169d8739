import type { Sight, WatchdogSettings } from '../domain/blindness.ts'

export interface HeardWatchdog {
  /** Absent where it never was. */
  readonly heardAt: number | undefined
  /** Since when this process expects it: its start, or the reload that brought the settings. What came before it could not hear. */
  readonly expectedSince: number
  readonly now: number
}

/** Judges the silence of the alert that always fires. After a start it has its whole time, because nobody listened while Astern was down. */
export function watchdogSight(settings: WatchdogSettings | undefined, { heardAt, expectedSince, now }: HeardWatchdog): Sight {
  if (settings === undefined) return { kind: 'off' }
  const { within } = settings
  const last = heardAt === undefined ? 'it was never heard' : `it was last heard at ${new Date(heardAt).toISOString()}`
  if (now - Math.max(heardAt ?? 0, expectedSince) > within) return { kind: 'blind', detail: last }
  return heardAt !== undefined && now - heardAt <= within
    ? { kind: 'sees', detail: last }
    : { kind: 'unknown', detail: `${last}; it is waited for since ${new Date(expectedSince).toISOString()}` }
}
