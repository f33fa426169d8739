import rateLimit from '@fastify/rate-limit'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { HttpProblem } from './http-problem.ts'

/** How many failed logins an address has in a window before it is told to wait. A person who mixes up tokens stays below it. */
const FAILURES = 10
const WINDOW_MS = 60_000

/** Counts the failed logins of each address (of each /64 for IPv6). Valid tokens are never counted, and never held up. */
export interface FailedLogins {
  /**
   * Turns the 401 of an address that has failed too often into a 429. A sender of alerts goes on getting 401, because Alertmanager
   * tries neither again, and 429 would say that it should have been slower.
   */
  judge<Problem extends Error>(problem: Problem, request: FastifyRequest): Promise<Problem | HttpProblem>
}

/** Watches failed logins on this server. It remembers 5,000 addresses, and forgets the one that failed longest ago. */
export async function watchFailedLogins(server: FastifyInstance): Promise<FailedLogins> {
  await server.register(rateLimit, { global: false, cache: 5_000 })
  const count = server.createRateLimit({ max: FAILURES, timeWindow: WINDOW_MS })
  return {
    async judge(problem, request) {
      if (!(problem instanceof HttpProblem) || problem.status !== 401) return problem
      const counted = await count(request)
      if (counted.isAllowed || !counted.isExceeded || request.url.startsWith('/webhooks/')) return problem
      return new HttpProblem(
        429,
        'Too many failed logins',
        `${problem.message}; more than ${FAILURES} tries of this address failed within a minute, try again in ${counted.ttlInSeconds} s`,
        { more: { retryAfter: counted.ttlInSeconds } }
      )
    }
  }
}
