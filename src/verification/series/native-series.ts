import type { Counter } from '../sequential/counting/counter.ts'
import { nativeAsBuckets } from '../sequential/counting/latency.ts'
import type { RawSeries } from './raw-series.ts'

const COUNT = /_count$/

/** The native histograms that these counters may be read from: a latency’s own, and the one that a `…_count` belongs to. */
export function nativeNames(counters: readonly Counter[]): readonly string[] {
  const names = counters.flatMap(counter => {
    if (counter.kind === 'latency') return [counter.metric]
    return COUNT.test(counter.metric) ? [counter.metric.replace(COUNT, '')] : []
  })
  return [...new Set(names)]
}

/** A native histogram as the classic series that these counters count: its count, and the buckets at their boundaries. */
export function asClassicSeries(counters: readonly Counter[], all: readonly RawSeries[]): readonly RawSeries[] {
  return all.flatMap(series => {
    const name = series.labels['__name__'] ?? ''
    return counters.flatMap(counter => {
      if (counter.kind !== 'latency') return counter.metric === `${name}_count` ? [countSeries(series, counter.metric)] : []
      return counter.metric === name ? bucketSeries(series, name, counter.boundaries) : []
    })
  })
}

function countSeries({ labels, histograms }: RawSeries, name: string): RawSeries {
  return { labels: { ...labels, __name__: name }, samples: histograms.map(({ at, count }) => ({ at, value: count })), histograms: [] }
}

function bucketSeries({ labels, histograms }: RawSeries, metric: string, boundaries: readonly number[]): readonly RawSeries[] {
  const found = new Map<string, { at: number; value: number }[]>()
  for (const { at, count, buckets } of histograms)
    for (const one of nativeAsBuckets(metric, { labels, count, buckets }, boundaries)) {
      const le = one.labels['le'] ?? ''
      const samples = found.get(le) ?? []
      found.set(le, samples)
      samples.push({ at, value: one.value })
    }
  return [...found].map(([le, samples]) => ({ labels: { ...labels, __name__: `${metric}_bucket`, le }, samples, histograms: [] }))
}
