import { MINUTE } from '../base/clock.ts'
import type { Refusal } from '../http/problems.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Metrics, RefusedDelivery, RefusedRequest } from '../telemetry/metrics.ts'

/** What each status is counted as. Others, such as 409 and 422, answer a request that was granted. */
const COUNTED: Readonly<Record<number, RefusedRequest>> = {
  400: 'malformed',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not-found',
  408: 'too-slow',
  413: 'too-large',
  414: 'too-large',
  415: 'media-type',
  421: 'misdirected',
  429: 'too-many',
  431: 'too-large',
  503: 'unavailable'
}
/** Each sender gets a line for each reason in this time. */
const LINE_EVERY_MS = MINUTE
/** All senders together get so many lines in that time. The next line that is written tells of those that were not. */
const LINES = 100
/** How much of a path that somebody else wrote goes into the log, characters. */
const PATH_KEPT = 200

export interface RefusalsOptions {
  readonly metrics: Pick<Metrics, 'refusedDelivery' | 'refusedRequest'>
  readonly logger: Pick<Logger, 'warn'>
  readonly now: () => number
}

/** Counts each request that was refused, and logs it with its sender, so that nobody who is refused is at a loss why, or unseen. */
export function createRefusals({ metrics, logger, now }: RefusalsOptions): (refusal: Refusal) => void {
  const lines = new Set<string>()
  let from = Number.NEGATIVE_INFINITY
  let more = 0

  /** Whether this one gets a line. What is remembered is bounded by the number of lines. */
  function mayTell(key: string): boolean {
    if (now() - from >= LINE_EVERY_MS || now() < from) {
      lines.clear()
      from = now()
    }
    if (lines.has(key) || lines.size >= LINES) {
      more += 1
      return false
    }
    lines.add(key)
    return true
  }

  return ({ status, method, path, sender, reason, cause }) => {
    const why = COUNTED[status]
    const delivery = path.startsWith('/webhooks/')
    // A path that is not there is a mistyped address: of a sender, whose alerts are lost, that matters.
    if (why === undefined || (why === 'not-found' && !delivery)) return
    metrics.refusedRequest(why)
    if (delivery && isDelivery(why)) metrics.refusedDelivery(why)
    if (!mayTell(`${sender} ${why}`)) return
    logger.warn(
      {
        sender,
        status,
        request: `${method} ${path.slice(0, PATH_KEPT)}`.trim(),
        reason,
        ...(more === 0 ? {} : { more }),
        ...(cause === undefined ? {} : { err: cause })
      },
      'a request was refused'
    )
    more = 0
  }
}

function isDelivery(why: RefusedRequest): why is RefusedDelivery {
  return why !== 'too-many' && why !== 'too-slow'
}
