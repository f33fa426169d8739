import type { FastifyInstance, FastifyRequest } from 'fastify'
import { knownCallerOf } from './callers.ts'
import { HttpProblem } from './http-problem.ts'
import { noSuchRoute } from './problems.ts'

/**
 * How many bytes of bodies may be in flight, from the first byte to the answer: three of the largest deliveries beside many usual
 * ones. They are held outside of Node's heap, and the chart gives the pod 512 MiB for all.
 */
export const BODY_BYTES = 32 * 1024 * 1024
/** One caller may have so many of them: the others always find room. */
const CALLER_BYTES = 24 * 1024 * 1024

/**
 * Refuses a body that there is no room for, before a byte of it is read. The answer is 503, after which Alertmanager sends again. A
 * body that does not say how long it is counts as the longest that its route takes. Where there is no route, no body is read at all.
 */
export function boundBodies(server: FastifyInstance): void {
  const inFlight = new Map<string, number>()
  let all = 0
  server.addHook('preParsing', async (request, reply) => {
    const bytes = announced(request)
    if (bytes === 0) return
    if (request.is404) throw noSuchRoute(request)
    const caller = knownCallerOf(request)?.name ?? ''
    const theirs = inFlight.get(caller) ?? 0
    if (all + bytes > BODY_BYTES || theirs + bytes > CALLER_BYTES) {
      const who = all + bytes > BODY_BYTES ? 'all senders together' : `“${caller}”`
      throw new HttpProblem(503, 'Too much at once', `${who} have more in flight than can be held; send it again`)
    }
    all += bytes
    inFlight.set(caller, theirs + bytes)
    reply.raw.once('close', () => {
      all -= bytes
      const left = (inFlight.get(caller) ?? 0) - bytes
      if (left > 0) inFlight.set(caller, left)
      else inFlight.delete(caller)
    })
  })
}

function announced({ headers, routeOptions }: FastifyRequest): number {
  const limit = routeOptions.bodyLimit
  if (headers['transfer-encoding'] !== undefined) return limit
  const length = Number(headers['content-length'] ?? 0)
  // A longer one is refused by its length (413), or cut off at the limit.
  return Number.isFinite(length) ? Math.min(length, limit) : limit
}
