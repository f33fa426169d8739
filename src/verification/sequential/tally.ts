/** What one version did in some stretch of time. `bad` are the errors, or for latency the requests slower than a boundary. */
export interface Tally {
  readonly requests: number
  readonly bad: number
}

/** Both versions in the same stretch of time. */
export interface Pair {
  readonly old: Tally
  readonly new: Tally
}

export const NOTHING: Tally = { requests: 0, bad: 0 }

export function sum(a: Tally, b: Tally): Tally {
  return { requests: a.requests + b.requests, bad: a.bad + b.bad }
}

/** The share of bad requests; 0 where there were none at all. */
export function badShare({ requests, bad }: Tally): number {
  return requests === 0 ? 0 : bad / requests
}
