import { type Clock, MINUTE, SECOND } from '../../base/clock.ts'
import { isObject, textAt } from '../../base/json.ts'
import type { ApiConnection, ApiReply } from '../client.ts'
import { eventReader } from './event-reader.ts'
import { backOff, type Patience } from './patience.ts'

/** How following a guard ended. */
export type Followed =
  | { readonly kind: 'ended' }
  | { readonly kind: 'lost'; readonly detail: string }
  /** The server lives, and no longer shows this guard to this token. */
  | { readonly kind: 'refused'; readonly status: number; readonly detail: string }
  | { readonly kind: 'aborted' }

export interface FollowParts {
  readonly connection: Pick<ApiConnection, 'send' | 'events'>
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly patience: Patience
  /** Gets the guard each time that it is told of. */
  readonly told: (view: unknown) => void
  /** Is called when the server is away, and when it is back. */
  readonly away: (detail: string) => void
  readonly back: () => void
}

/** Where streams do not come through, the guard is asked for so often … */
const POLL_EVERY = 5 * SECOND
/** … and a stream is tried again after this. */
const STREAM_AGAIN = MINUTE

/**
 * Follows a guard until it has ended. A stream that breaks is opened anew, with growing pauses, because a server that restarts goes
 * on with its guards. Where a proxy holds the stream back, or too many listen, the guard is asked for now and then.
 */
export async function followGuard(id: string, parts: FollowParts): Promise<Followed> {
  const { connection, clock, signal, patience } = parts
  const path = `/api/v1/guards/${encodeURIComponent(id)}`
  let heard = clock.now()
  let attempts = 0
  let streamFrom = 0
  const hear = (): void => {
    if (attempts > 1) parts.back()
    attempts = 0
    heard = clock.now()
  }
  for (;;) {
    let ended = false
    let events = 0
    const see = (view: unknown): void => {
      events += 1
      hear()
      ended = textAt(view, 'state') === 'ended'
      parts.told(view)
    }
    let reply: ApiReply | undefined
    if (clock.now() >= streamFrom) reply = await stream(connection, path, { signal, see, hear, ended: () => ended })
    if (signal.aborted) return { kind: 'aborted' }
    if (!ended && events === 0) {
      reply = await connection.send({ method: 'GET', path }, signal)
      if (signal.aborted) return { kind: 'aborted' }
      if (isView(reply)) {
        streamFrom = reply.status === 200 && clock.now() >= streamFrom ? clock.now() + STREAM_AGAIN : streamFrom
        see(reply.body)
      }
    }
    if (ended) return { kind: 'ended' }
    if (reply !== undefined && isFinal(reply)) return { kind: 'refused', status: reply.status, detail: textAt(reply.body, 'detail') ?? '' }
    attempts += 1
    const detail = detailOf(reply)
    if (attempts === 2) parts.away(detail)
    const pause = clock.now() < streamFrom ? POLL_EVERY : backOff(attempts)
    if (clock.now() + pause - heard >= patience.ms) return { kind: 'lost', detail }
    try {
      await clock.sleep(pause, signal)
    } catch {
      return { kind: 'aborted' }
    }
  }
}

interface StreamParts {
  readonly signal: AbortSignal
  readonly see: (view: unknown) => void
  readonly hear: () => void
  readonly ended: () => boolean
}

async function stream(connection: Pick<ApiConnection, 'events'>, path: string, parts: StreamParts): Promise<ApiReply> {
  // A proxy may keep the stream open when it is over; nobody waits for that.
  const over = new AbortController()
  const read = eventReader({
    event(data) {
      const view: unknown = JSON.parse(data)
      if (!isObject(view)) throw new Error('an event that is no guard')
      parts.see(view)
      if (parts.ended()) over.abort()
    },
    comment: parts.hear
  })
  return connection.events(path, read, AbortSignal.any([parts.signal, over.signal]))
}

type Answer = Extract<ApiReply, { readonly kind: 'answer' }>

function isView(reply: ApiReply): reply is Answer {
  return reply.kind === 'answer' && reply.status === 200 && textAt(reply.body, 'id') !== undefined
}

/** What Astern itself refuses. A proxy without a server behind it may answer 404 too, but not with a sentence. */
function isFinal(reply: ApiReply): reply is Answer {
  return reply.kind === 'answer' && [401, 403, 404].includes(reply.status) && textAt(reply.body, 'detail') !== undefined
}

function detailOf(reply: ApiReply | undefined): string {
  if (reply === undefined) return 'it does not answer'
  if (reply.kind === 'failed') return reply.detail
  return textAt(reply.body, 'detail') ?? (reply.status === 200 ? 'the connection ended' : `it answered ${reply.status}`)
}
