import { matchesLabel } from '../../../promql/label-regex.ts'
import { isBadGrpc, isBadHttp } from './bad-status.ts'
import { isProbe } from './real-traffic.ts'
import type { Labels } from './scrape.ts'

/** Which series are counted, and how. Fixed before the first block; plain data, so that it survives a restart. */
export type Counter = {
  /** Paths that the pods’ specs name for probes, beside those that nobody uses for anything else. */
  readonly probePaths?: readonly string[]
} & (
  | { readonly kind: 'http-errors' | 'grpc-errors'; readonly metric: string; readonly statusLabel: string }
  /**
   * What a proxy counted for all pods alike. `metric` is its name among the named metrics, `selector` finds its series, and `bad` is a regular
   * expression for the status of a bad request.
   */
  | {
      readonly kind: 'proxy-errors'
      readonly metric: string
      readonly selector: string
      readonly statusLabel: string
      readonly bad: string
    }
  /** `metric` without `_bucket`; each boundary (in the metric’s own unit) is one part. */
  | { readonly kind: 'latency'; readonly metric: string; readonly boundaries: readonly number[] }
)

/** What one more count in a series adds to a part. */
export interface Weight {
  readonly part: number
  readonly requests: number
  readonly bad: number
}

/** How many parts a counter has: one for errors, one for each boundary of a latency. */
export function partsOf(counter: Counter): number {
  return counter.kind === 'latency' ? counter.boundaries.length : 1
}

/** What a series adds to the parts of all counters, which are numbered in the counters’ order. Empty: it is not counted. */
export function weigh(counters: readonly Counter[], labels: Labels): readonly Weight[] {
  let first = 0
  for (const counter of counters) {
    const weights = weighOne(counter, labels)
    if (weights.length > 0) {
      const offset = first
      // What a proxy serves on a path of probes is somebody’s request: the kubelet asks the pods, and goes through no proxy.
      if (counter.kind === 'proxy-errors') return weights.map(weight => ({ ...weight, part: weight.part + offset }))
      return isProbe(labels, counter.probePaths) ? [] : weights.map(weight => ({ ...weight, part: weight.part + offset }))
    }
    first += partsOf(counter)
  }
  return []
}

function weighOne(counter: Counter, labels: Labels): readonly Weight[] {
  const name = labels['__name__'] ?? ''
  if (counter.kind === 'latency') return name === `${counter.metric}_bucket` ? weighBucket(counter.boundaries, labels['le'] ?? '') : []
  if (name !== counter.metric) return []
  const status = labels[counter.statusLabel] ?? ''
  return [{ part: 0, requests: 1, bad: isBad(counter, status) ? 1 : 0 }]
}

function isBad(counter: Exclude<Counter, { kind: 'latency' }>, status: string): boolean {
  switch (counter.kind) {
    case 'http-errors':
      return isBadHttp(status)
    case 'grpc-errors':
      return isBadGrpc(status)
    case 'proxy-errors':
      return matchesLabel(counter.bad, status)
  }
}

/** Slow are all requests (the bucket +Inf) but those of the boundary’s bucket. */
function weighBucket(boundaries: readonly number[], le: string): readonly Weight[] {
  if (le === '+Inf') return boundaries.map((_, part) => ({ part, requests: 1, bad: 1 }))
  const part = boundaries.indexOf(Number(le))
  return part === -1 ? [] : [{ part, requests: 0, bad: -1 }]
}

/**
 * The parts that these series of one pod can't tell: a boundary that the pod has no bucket for would make every request slow, and a
 * pod without the histogram would seem to have no slow ones. Errors are always told: a pod without a series had no requests yet.
 */
export function untoldParts(counters: readonly Counter[], series: readonly Labels[]): ReadonlySet<number> {
  const balances = new Map<number, number>()
  for (const labels of series) for (const { part, bad } of weigh(counters, labels)) balances.set(part, (balances.get(part) ?? 0) + bad)
  // Each series of `+Inf` has a partner at the boundary; without it the sum is not zero.
  const untold = counters
    .flatMap(counter => Array.from({ length: partsOf(counter) }, () => counter.kind))
    .flatMap((kind, part) => (kind === 'latency' && balances.get(part) !== 0 ? [part] : []))
  return new Set(untold)
}
