import type { Counter } from '../verification/sequential/counting/counter.ts'
import { chooseErrors, chooseLatency } from '../verification/sequential/counting/metric-choice.ts'
import { isProbe } from '../verification/sequential/counting/real-traffic.ts'
import type { Labels } from '../verification/sequential/counting/scrape.ts'
import { isPodMetric, POD_METRICS, type PodMetric } from './pod-metrics.ts'

/** One metric that can be counted. The boundaries of a latency are not chosen yet. */
export type ChosenMetric =
  | { readonly what: 'errors'; readonly metric: PodMetric; readonly counter: Counter; readonly tellsPaths: boolean; readonly said: string }
  | { readonly what: 'latency'; readonly metric: PodMetric; readonly histogram: string }

export type ChosenMetrics =
  | { readonly kind: 'chosen'; readonly metrics: readonly ChosenMetric[] }
  /** Why nothing is, or why what was asked for by name is not. */
  | { readonly kind: 'none'; readonly named?: PodMetric; readonly said: string }

/**
 * Which metrics are counted, by the labels of the series that are there. Without names: errors and latency of HTTP, or where there is
 * no HTTP but probes, of gRPC. A metric that was named and is not there is none to pass over: somebody counts on it.
 */
export function chooseMetrics(labels: readonly Labels[], names: readonly string[], probePaths: readonly string[]): ChosenMetrics {
  const real = labels.filter(series => !isProbe(series, probePaths))
  const named = names.filter(isPodMetric)
  if (named.length > 0) {
    const metrics: ChosenMetric[] = []
    for (const name of named) {
      const one = chooseOne(real, labels, name)
      if ('none' in one) return { kind: 'none', named: name, said: one.none }
      metrics.push(one)
    }
    return { kind: 'chosen', metrics }
  }
  const why: string[] = []
  // A pod that serves gRPC often has HTTP for its probes alone. Where there are nothing but probes, they say which metrics there are.
  for (const series of [real, labels]) {
    for (const protocol of ['http', 'grpc'] as const) {
      const metrics: ChosenMetric[] = []
      for (const name of namesOf(protocol)) {
        const one = chooseOne(series, series, name)
        if ('none' in one) why.push(one.none)
        else metrics.push(one)
      }
      if (metrics.length > 0) return { kind: 'chosen', metrics }
    }
    if (real.length === labels.length) break
  }
  return { kind: 'none', said: [...new Set(why)].join('; ') }
}

function namesOf(protocol: 'http' | 'grpc'): readonly PodMetric[] {
  return Object.keys(POD_METRICS)
    .filter(isPodMetric)
    .filter(name => POD_METRICS[name].protocol === protocol)
}

function chooseOne(real: readonly Labels[], all: readonly Labels[], metric: PodMetric): ChosenMetric | { readonly none: string } {
  const { protocol, kind, names } = POD_METRICS[metric]
  if (kind === 'latency') {
    const histogram = chooseLatency(protocol, real) ?? chooseLatency(protocol, all)
    return histogram === undefined
      ? { none: `latency can’t be counted: none of ${names.join(', ')} is there` }
      : { what: 'latency', metric, histogram }
  }
  const choices = [chooseErrors(kind, real), chooseErrors(kind, all)]
  const choice = choices.find(one => one.kind === 'chosen') ?? choices[1]
  if (choice?.kind !== 'chosen') return { none: choice?.said ?? '' }
  const { counter, tellsPaths, said } = choice
  return { what: 'errors', metric, counter, tellsPaths, said }
}
