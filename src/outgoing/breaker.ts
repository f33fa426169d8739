import CircuitBreaker from 'opossum'
import type { HttpClient, HttpRequest, HttpResult } from './http-client.ts'

export interface BreakerOptions {
  readonly name: string
  /** For how many milliseconds a source is not called after it failed repeatedly. Default 10 s. */
  readonly resetMs?: number
}

export interface GuardedClient {
  request(request: HttpRequest, signal?: AbortSignal): Promise<HttpResult>
  readonly state: () => 'closed' | 'open' | 'half-open'
}

class SourceFailure extends Error {
  readonly result: HttpResult
  constructor(result: HttpResult) {
    super('the source failed')
    this.result = result
  }
}

/** 501 is about the method of the request, and says nothing of the state of the source. */
function isFailure(status: number): boolean {
  return status >= 500 && status !== 501
}

/**
 * Puts a breaker before one source. Transport failures and 5xx open it; a 4xx is a proper answer of the source. Each request has
 * its own deadline, because opossum's `timeout` would leave the call running and its shared abort controller would end others.
 */
export function withBreaker(client: HttpClient, options: BreakerOptions): GuardedClient {
  const breaker = new CircuitBreaker(
    async (request: HttpRequest, signal: AbortSignal | undefined): Promise<HttpResult> => {
      const result = await client.request(request, signal)
      // A caller that gave up says nothing about the source, and one that answers at length is there.
      const broken = result.kind === 'failed' ? result.problem !== 'too-large' : isFailure(result.status)
      if (signal?.aborted !== true && broken) throw new SourceFailure(result)
      return result
    },
    // The breaker judges after five calls, so that a single slow answer after a start does not shut a source out.
    {
      timeout: false,
      errorThresholdPercentage: 50,
      volumeThreshold: 5,
      resetTimeout: options.resetMs ?? 10_000,
      rollingCountTimeout: 30_000,
      name: options.name
    }
  )
  return {
    async request(request, signal) {
      try {
        return await breaker.fire(request, signal)
      } catch (cause) {
        if (cause instanceof SourceFailure) return cause.result
        if (breaker.opened || breaker.halfOpen) {
          return { kind: 'failed', problem: 'breaker-open', detail: `${options.name} failed repeatedly and is left alone for a moment` }
        }
        throw new Error(`the breaker of ${options.name} broke`, { cause })
      }
    },
    state: () => (breaker.opened ? 'open' : breaker.halfOpen ? 'half-open' : 'closed')
  }
}
