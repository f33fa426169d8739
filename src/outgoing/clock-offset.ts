import type { HttpResponse } from './http-client.ts'

/** An observation that is older than this says nothing about the clock now. */
const KEPT_MS = 10 * 60_000

/** A clock that nobody compared may be off by as much as is tolerated at all, milliseconds (rules 2). */
const UNMEASURED_MS = 5_000

/**
 * How far another machine's clock is from ours, by the `Date` headers of its answers. A header has whole seconds, so one answer
 * only bounds the offset: [Date − received, Date + 1 s − sent]. The bounds of several answers together narrow it down.
 */
export interface ClockOffset {
  observe(response: HttpResponse): void
  /** Milliseconds to add to our clock to get theirs: the smallest offset that fits all answers, and 0 where 0 fits. */
  value(): number
  /** By how much `value` may be wrong at the most, milliseconds. Without an answer: {@link UNMEASURED_MS}. */
  uncertainty(): number
  known(): boolean
}

export function createClockOffset(now: () => number): ClockOffset {
  let bounds: { readonly at: number; readonly low: number; readonly high: number }[] = []
  const value = (): number => {
    const { low, high } = intersect(bounds)
    if (low > 0) return low
    if (high < 0) return high
    return 0
  }
  return {
    observe(response) {
      const date = Date.parse(response.headers.date ?? '')
      if (Number.isNaN(date)) return
      const seen = { at: now(), low: date - response.receivedAt, high: date + 1_000 - response.sentAt }
      bounds = bounds.filter(bound => seen.at - bound.at <= KEPT_MS)
      const joint = intersect(bounds)
      // When a clock was set meanwhile, the bounds contradict each other. Then only the newest counts.
      bounds = seen.low > joint.high || seen.high < joint.low ? [seen] : [...bounds, seen].slice(-64)
    },
    value,
    uncertainty() {
      if (bounds.length === 0) return UNMEASURED_MS
      const { low, high } = intersect(bounds)
      return Math.max(high - value(), value() - low)
    },
    known: () => bounds.length > 0
  }
}

function intersect(bounds: readonly { readonly low: number; readonly high: number }[]): { readonly low: number; readonly high: number } {
  return {
    low: Math.max(Number.NEGATIVE_INFINITY, ...bounds.map(bound => bound.low)),
    high: Math.min(Number.POSITIVE_INFINITY, ...bounds.map(bound => bound.high))
  }
}
