import autocannon from 'autocannon'

export interface Load {
  readonly url: string
  readonly connections: number
  readonly seconds: number
  /** Requests a second in all; absent: as many as go. */
  readonly rate?: number
  /** The next request's body. */
  readonly body: () => string
}

export interface Measured {
  readonly perSecond: number
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
  /** Answers that were not 2xx, and connections that broke. */
  readonly bad: number
  readonly total: number
}

/** Posts bodies as fast as they are answered. */
export async function post(load: Load): Promise<Measured> {
  const result = await autocannon({
    url: load.url,
    connections: load.connections,
    duration: load.seconds,
    ...(load.rate === undefined ? {} : { overallRate: load.rate }),
    requests: [
      {
        method: 'POST',
        path: new URL(load.url).pathname,
        headers: { 'content-type': 'application/json' },
        setupRequest: request => ({ ...request, body: load.body() })
      }
    ]
  })
  return {
    perSecond: result['2xx'] / result.duration,
    p50: result.latency.p50,
    p99: result.latency.p99,
    bad: result.non2xx + result.errors + result.timeouts,
    total: result['2xx']
  }
}
