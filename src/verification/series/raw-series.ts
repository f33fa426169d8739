import { at, isObject, listAt, textMap } from '../../base/json.ts'
import type { Problem } from '../../domain/verdict.ts'
import type { HttpResult } from '../../outgoing/http-client.ts'
import { isNothing, readWhole } from '../prometheus-api.ts'
import type { NativeHistogram } from '../sequential/counting/latency.ts'
import type { Said, Unsaid } from '../sequential/counting/number-source.ts'
import type { Labels } from '../sequential/counting/scrape.ts'

/** A counter's value at the instant of a scrape: epoch milliseconds, the source's clock. */
export interface RawSample {
  readonly at: number
  readonly value: number
}

/** A native histogram at the instant of a scrape. */
export interface RawHistogram extends Pick<NativeHistogram, 'count' | 'buckets'> {
  readonly at: number
}

/** One series as Prometheus keeps it. */
export interface RawSeries {
  readonly labels: Labels
  readonly samples: readonly RawSample[]
  readonly histograms: readonly RawHistogram[]
}

/** More samples than this in one answer take seconds to read, in which nothing else goes on. */
const MOST_SAMPLES = 500_000
const MOST_SERIES = 50_000

/** Turns a response into series, or into the closed reason why there are none. No series at all is an answer: nothing was scraped. */
export function readSeries(result: HttpResult): Said<readonly RawSeries[]> {
  if (result.kind === 'failed' && result.problem === 'too-large') return unsaid('too-much', result.detail)
  if (result.kind === 'response' && (result.status === 401 || result.status === 403))
    return unsaid('forbidden', `${result.status} from the source`)
  const body = readWhole(result)
  if ('problem' in body) return unsaid(becauseOf(body.problem, body.detail), `${body.problem}: ${body.detail}`)
  const { found, type } = body
  if (isNothing(found, type, 'matrix') || isNothing(found, type, 'vector')) return { kind: 'said', value: [] }
  if ((type !== 'matrix' && type !== 'vector') || !Array.isArray(found))
    return unsaid('rejected', `the result is a ${type || 'nothing known'} where series are expected`)
  if (found.length > MOST_SERIES) return unsaid('too-much', `${found.length} series: at most ${MOST_SERIES} are read at a time`)
  const series: RawSeries[] = []
  let samples = 0
  for (const one of found) {
    if (!isObject(one)) return unsaid('rejected', 'a series is not an object')
    const [values, histograms] =
      type === 'matrix'
        ? [listAt(one, 'values'), listAt(one, 'histograms')]
        : ['value' in one ? [one['value']] : [], 'histogram' in one ? [one['histogram']] : []]
    samples += values.length + histograms.length
    if (samples > MOST_SAMPLES) return unsaid('too-much', `more than ${MOST_SAMPLES} samples: they are not read at a time`)
    series.push({ labels: textMap(one['metric']), samples: values.flatMap(readSample), histograms: histograms.flatMap(readHistogram) })
  }
  return { kind: 'said', value: series }
}

export function unsaid(because: Unsaid, detail: string): Extract<Said<never>, { kind: 'unsaid' }> {
  return { kind: 'unsaid', because, detail }
}

/** What Prometheus, Thanos, Mimir and VictoriaMetrics say where their own limits are exceeded. */
const LIMIT = /too many samples|too many series|limit|exceed/i

function becauseOf(problem: Problem, detail: string): Unsaid {
  switch (problem) {
    case 'warnings':
      return LIMIT.test(detail) ? 'too-much' : 'ambiguous'
    case 'partial':
      return 'ambiguous'
    case 'query-rejected':
      return LIMIT.test(detail) ? 'too-much' : 'rejected'
    case 'malformed-answer':
      // A proxy's page of a server that is away, or of a login.
      return /^5\d\d\b/.test(detail) ? 'unreachable' : 'rejected'
    default:
      return 'unreachable'
  }
}

/** A sample without a number (NaN, null, an infinite value) is none: it is neither 0 nor an error. */
function readSample(pair: unknown): readonly RawSample[] {
  const [seconds, value] = [at(pair, 0), numberOf(at(pair, 1))]
  return typeof seconds === 'number' && Number.isFinite(value) ? [{ at: Math.round(seconds * 1_000), value }] : []
}

/** `[ts, { count, sum, buckets: [[rule, "lower", "upper", "count"]] }]`, all numbers but the first two as texts. */
function readHistogram(pair: unknown): readonly RawHistogram[] {
  const [seconds, count] = [at(pair, 0), numberOf(at(pair, 1, 'count'))]
  if (typeof seconds !== 'number' || !Number.isFinite(count)) return []
  const buckets = listAt(pair, 1, 'buckets').map(bucket => ({
    lower: numberOf(at(bucket, 1)),
    upper: numberOf(at(bucket, 2)),
    count: numberOf(at(bucket, 3))
  }))
  const whole = buckets.every(bucket => !Number.isNaN(bucket.upper) && !Number.isNaN(bucket.lower) && Number.isFinite(bucket.count))
  return whole ? [{ at: Math.round(seconds * 1_000), count, buckets }] : []
}

function numberOf(value: unknown): number {
  if (typeof value === 'number') return value
  if (typeof value !== 'string' || value.trim() === '') return Number.NaN
  if (/^[+]?inf(inity)?$/i.test(value)) return Number.POSITIVE_INFINITY
  if (/^-inf(inity)?$/i.test(value)) return Number.NEGATIVE_INFINITY
  return Number(value)
}
