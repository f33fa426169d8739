import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import { type Clock, SECOND } from '../base/clock.ts'
import type { DeployGuard } from '../domain/deploy-guard.ts'
import type { DeployGuards } from '../domain/ports/deploy-guards.ts'
import { HttpProblem } from '../http/http-problem.ts'
import { guardView } from './guard-view.ts'

/** A comment is sent after so long without a change: proxies close what is silent, and a client learns that the server lives. */
export const HEARTBEAT_MS = 15 * SECOND
/** After a break a client waits so long before it comes again. */
const RETRY_MS = 2 * SECOND
/** So many may listen at once: each holds a connection and a timer. A client that finds no room asks for the guard now and then. */
const LISTENERS = 256
/** One credential may have so many of them: the others always find room. */
const CALLER_LISTENERS = 128

/** The streams of all guards, of one server. */
export interface GuardStreams {
  /** @throws HttpProblem 503 where too many listen */
  send(reply: FastifyReply, listening: { readonly guard: DeployGuard; readonly caller: string }): FastifyReply
  /** Ends every stream. Fastify’s close would otherwise wait for them. */
  end(): void
}

export function createGuardStreams(guards: Pick<DeployGuards, 'changed'>, clock: Pick<Clock, 'sleep'>): GuardStreams {
  const open = new Set<AbortController>()
  const byCaller = new Map<string, number>()
  return {
    send(reply, { guard, caller }) {
      const theirs = byCaller.get(caller) ?? 0
      if (open.size >= LISTENERS || theirs >= CALLER_LISTENERS)
        throw new HttpProblem(503, 'Too many listen', 'too many listen to guards at once; ask without text/event-stream meanwhile')
      const closed = new AbortController()
      open.add(closed)
      byCaller.set(caller, theirs + 1)
      // Also where the caller hangs up.
      reply.raw.once('close', () => {
        closed.abort()
        open.delete(closed)
        const left = (byCaller.get(caller) ?? 1) - 1
        if (left > 0) byCaller.set(caller, left)
        else byCaller.delete(caller)
      })
      return (
        reply
          .type('text/event-stream')
          .header('cache-control', 'no-cache, no-transform')
          // nginx would hold the events back until its buffer is full.
          .header('x-accel-buffering', 'no')
          .send(Readable.from(eventsOf(guard, { guards, clock, signal: closed.signal })))
      )
    },
    end() {
      for (const closed of open) closed.abort()
    }
  }
}

interface Listening {
  readonly guards: Pick<DeployGuards, 'changed'>
  readonly clock: Pick<Clock, 'sleep'>
  readonly signal: AbortSignal
}

/** The whole guard at each change, so that whoever comes late or comes again misses nothing. A slow reader gets the newest only. */
async function* eventsOf(guard: DeployGuard, { guards, clock, signal }: Listening): AsyncGenerator<string> {
  let seen = guard
  yield `retry: ${RETRY_MS}\n${eventOf(seen)}`
  while (seen.state !== 'ended' && !signal.aborted) {
    const next = await changeOrBeat(seen, { guards, clock, signal })
    if (signal.aborted) return
    if (next === undefined) yield ': still there\n\n'
    else {
      seen = next
      yield eventOf(seen)
    }
  }
}

/** Undefined where nothing changed until a heartbeat is due. */
async function changeOrBeat(seen: DeployGuard, { guards, clock, signal }: Listening): Promise<DeployGuard | undefined> {
  const turn = new AbortController()
  const both = AbortSignal.any([turn.signal, signal])
  const beat = clock.sleep(HEARTBEAT_MS, both).then(
    () => undefined,
    () => undefined
  )
  try {
    return await Promise.race([guards.changed(seen, both), beat])
  } finally {
    turn.abort()
  }
}

function eventOf(guard: DeployGuard): string {
  // In JSON no line break stands as it is, so the data is one line, whatever a pod says.
  const data = JSON.stringify(guardView(guard))
  return `id: ${createHash('sha256').update(data).digest('hex').slice(0, 16)}\nevent: guard\ndata: ${data}\n\n`
}
