import type { Counter } from '../verification/sequential/counting/counter.ts'
import type { NumberSource } from '../verification/sequential/counting/number-source.ts'
import type { Baseline } from '../verification/sequential/settings.ts'
import { boundariesOf } from './boundaries.ts'
import type { FoundSource } from './find-source.ts'
import { POD_METRICS } from './pod-metrics.ts'
import { cannot, type PreparedAnswer } from './prepared-watch.ts'
import type { WatchQuestion } from './watch-question.ts'

/** One counter, and what it is about. */
export interface NamedCounter {
  readonly metric: 'errors' | 'latency'
  readonly counter: Counter
  /** Names the protocol, or the proxy, where several are counted, else empty. */
  readonly prefix: string
}

export interface CountersQuestion {
  readonly watch: WatchQuestion
  readonly found: FoundSource
  /** The source that knows the past; absent where none does. */
  readonly past: NumberSource | undefined
  readonly probePaths: readonly string[]
  readonly baseline: Baseline
}

/** What is counted of each metric. A latency that fits no bucket is left out, unless it was asked for by name. */
export async function countersOf(
  { watch, found, past, probePaths, baseline }: CountersQuestion,
  signal: AbortSignal
): Promise<{ readonly counters: readonly NamedCounter[]; readonly said: readonly string[] } | Exclude<PreparedAnswer, { kind: 'ready' }>> {
  const { options, target, version, now } = watch
  const counters: NamedCounter[] = []
  const said: string[] = []
  const paths = probePaths.length === 0 ? {} : { probePaths }
  const protocols = new Set(found.metrics.map(({ metric }) => POD_METRICS[metric].protocol))
  for (const one of found.metrics) {
    const prefix = protocols.size === 1 ? '' : POD_METRICS[one.metric].protocol === 'http' ? 'HTTP ' : 'gRPC '
    if (one.what === 'errors') {
      counters.push({ prefix, metric: 'errors', counter: { ...one.counter, ...paths } })
      said.push(one.said)
      continue
    }
    const { source, asked: pods, labels } = found
    const chosen =
      baseline === 'objective'
        ? { boundaries: [], by: '' }
        : await boundariesOf(
            { source, past, histogram: one.histogram, target, pods, labels, probePaths, deployedAt: version.changedAt, now },
            signal
          )
    if (chosen === 'nothing-read-yet') return { kind: 'not-yet', awaits: `a first reading of ${source.name}` }
    const why =
      baseline === 'objective'
        ? 'latency is not judged: an objective is a share of errors'
        : `latency is not judged: no bucket of ${one.histogram} lies where the old version’s requests do`
    if (chosen.boundaries.length > 0) {
      counters.push({
        prefix,
        metric: 'latency',
        counter: { kind: 'latency', metric: one.histogram, boundaries: chosen.boundaries, ...paths }
      })
      said.push(`latency: ${one.histogram}, slower than ${chosen.boundaries.map(String).join(', ')}, chosen by ${chosen.by}`)
    } else if (options.metrics.includes(one.metric)) return cannot('metric-not-there', `${one.metric}: ${why}`, 'leave the name away')
    else said.push(why)
  }
  if (counters.length === 0) return cannot('nothing-countable', said.join('; '), 'let the pods count errors in a metric of docs/canary.md')
  return { counters, said }
}
