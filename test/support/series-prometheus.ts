import { type JsonObject, at as memberAt } from '../../src/base/json.ts'
import type { HttpResult } from '../../src/outgoing/http-client.ts'
import type { AskPrometheus } from '../../src/verification/prometheus.ts'

/** A series as a test writes it: instants in epoch milliseconds. A sample is a number, or a native histogram as the API gives it. */
export interface StoredSeries {
  readonly labels: Readonly<Record<string, string>>
  readonly samples: readonly (readonly [at: number, value: number | JsonObject])[]
}

export interface Asked {
  readonly path: string
  readonly form: Readonly<Record<string, string>>
}

/** Prometheus' lookback: an instant selector finds what is no older. */
const LOOKBACK = 300_000

/**
 * Answers as Prometheus' API does, from series in memory: selectors, selectors with a range, and selectors over a grid. What the real
 * server does with the same questions is held by the tests of the parts.
 */
export function seriesPrometheus(stored: () => readonly StoredSeries[]): { readonly ask: AskPrometheus; readonly asked: Asked[] } {
  const asked: Asked[] = []
  const ask: AskPrometheus = async (path, form) => {
    asked.push({ path, form })
    const { matches, range } = parse(form['query'] ?? '')
    const found = stored().filter(({ labels }) => matches(labels))
    if (path === '/api/v1/query_range') {
      const [start, end, step] = ['start', 'end', 'step'].map(name => Math.round(Number(form[name]) * 1_000))
      return answer(
        'matrix',
        found.flatMap(series => grid(series, { start: start ?? 0, end: end ?? 0, step: step ?? 1 }))
      )
    }
    const time = Math.round(Number(form['time']) * 1_000)
    if (range === undefined)
      return answer(
        'vector',
        found.flatMap(series => instant(series, time))
      )
    return answer(
      'matrix',
      found.flatMap(series => {
        const within = series.samples.filter(([at]) => at > time - range && at <= time)
        return within.length === 0 ? [] : [matrixOf(series.labels, within)]
      })
    )
  }
  return { ask, asked }
}

/** An answer with a body as it is. */
export function answerOf(body: unknown, status = 200): HttpResult {
  return { kind: 'response', status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body), sentAt: 0, receivedAt: 0 }
}

function answer(resultType: string, result: readonly unknown[]): HttpResult {
  return answerOf({ status: 'success', data: { resultType, result } })
}

function matrixOf(metric: Readonly<Record<string, string>>, samples: StoredSeries['samples']): unknown {
  const values = samples.flatMap(([at, value]) => (typeof value === 'number' ? [[at / 1_000, textOf(value)]] : []))
  const histograms = samples.flatMap(([at, value]) => (typeof value === 'number' ? [] : [[at / 1_000, value]]))
  return { metric, ...(values.length === 0 ? {} : { values }), ...(histograms.length === 0 ? {} : { histograms }) }
}

function textOf(value: number): string {
  return Number.isFinite(value) || Number.isNaN(value) ? String(value) : value > 0 ? '+Inf' : '-Inf'
}

function newest({ samples }: StoredSeries, time: number): StoredSeries['samples'][number] | undefined {
  return samples.filter(([at]) => at <= time && at > time - LOOKBACK).toSorted(([a], [b]) => b - a)[0]
}

function instant(series: StoredSeries, time: number): readonly unknown[] {
  const found = newest(series, time)
  if (found === undefined) return []
  const [, value] = found
  return [
    {
      metric: series.labels,
      ...(typeof value === 'number' ? { value: [time / 1_000, textOf(value)] } : { histogram: [time / 1_000, value] })
    }
  ]
}

function grid(
  series: StoredSeries,
  { start, end, step }: { readonly start: number; readonly end: number; readonly step: number }
): readonly unknown[] {
  const samples: StoredSeries['samples'][number][] = []
  for (let time = start; time <= end; time += step) {
    const found = newest(series, time)
    if (found !== undefined) samples.push([time, found[1]])
  }
  return samples.length === 0 ? [] : [matrixOf(series.labels, samples)]
}

function parse(query: string): { readonly matches: (labels: Readonly<Record<string, string>>) => boolean; readonly range?: number } {
  const whole = /^([a-z_]*)\{(.*)\}(?:\[(\d+)ms\])?$/.exec(query)
  if (whole === null) throw new Error(`not a selector: ${query}`)
  const [, name = '', inside = '', range] = whole
  const matchers = [...inside.matchAll(/([a-z_]+)(=~|!~|!=|=)("(?:[^"\\]|\\.)*")/g)].map(([, label = '', operator = '', quoted = '']) => {
    const value = String(memberAt([JSON.parse(quoted)], 0))
    const expression = new RegExp(`^(?:${value})$`)
    return (labels: Readonly<Record<string, string>>): boolean => {
      const own = labels[label] ?? ''
      return (operator.endsWith('~') ? expression.test(own) : own === value) !== operator.startsWith('!')
    }
  })
  return {
    matches: labels => (name === '' || labels['__name__'] === name) && matchers.every(matcher => matcher(labels)),
    ...(range === undefined ? {} : { range: Number(range) })
  }
}
