import { at, isObject, type JsonObject, listAt, textAt } from '../base/json.ts'
import type { Problem } from '../domain/verdict.ts'
import type { HttpResult } from '../outgoing/http-client.ts'
import { firstLineOf } from './first-line.ts'

/** The result of one instant query. https://prometheus.io/docs/prometheus/latest/querying/api/ */
export type QueryAnswer =
  | { readonly kind: 'number'; readonly value: number; readonly infos: readonly string[] }
  | { readonly kind: 'problem'; readonly problem: Problem; readonly detail: string }

/** Turns a response into a number, or into the reason why there is none. It guesses nothing: no data is neither 0 nor good. */
export function readQueryAnswer(result: HttpResult): QueryAnswer {
  const body = readWhole(result)
  if ('problem' in body) return { kind: 'problem', ...body }
  const { found, type, infos } = body
  if (isNothing(found, type, 'vector')) return problem('no-data', 'no series')
  if (type === 'scalar') return readValue(found, infos)
  if (type !== 'vector' || !Array.isArray(found)) return problem('not-a-vector', `the result is a ${type || 'nothing known'}`)
  if (found.length > 1) return problem('many-series', `${found.length} series; aggregate them to one`)
  const series: unknown = found[0]
  if (isObject(series) && 'histogram' in series) return problem('histogram', 'use histogram_quantile or histogram_fraction')
  return readValue(at(series, 'value'), infos)
}

/**
 * Whether a result says that there is nothing. Servers that speak Prometheus' API write that as an empty list, as null, without a
 * type, or leave the result out (cortex#1142, thanos#576, prometheus-engine#1645). An empty list of another
 * type than the one that was asked for stays what it is: the query is wrong, whatever it finds.
 */
export function isNothing(found: unknown, type: string | undefined, wanted: 'vector' | 'matrix'): boolean {
  if (found === undefined || found === null) return true
  return Array.isArray(found) && found.length === 0 && (type === wanted || type === undefined || type === '')
}

/** The result of a successful answer that is whole, with its hints; or the reason why there is none. */
export function readWhole(
  result: HttpResult
):
  | { readonly found: unknown; readonly type: string | undefined; readonly infos: readonly string[] }
  | { readonly problem: Problem; readonly detail: string } {
  const body = readApi(result)
  if ('problem' in body) return body
  const { data } = body
  const { warnings: written } = data
  const told = (Array.isArray(written) ? written : written == null ? [] : [written]).map(String)
  // Prometheus up to 2.53 has its hints among the warnings; later ones have a list of their own for them.
  const [hints, warnings] = [told.filter(isHint), told.filter(warning => !isHint(warning))]
  if (warnings.length > 0) return { problem: 'warnings', detail: warnings.slice(0, 3).join('; ') }
  // VictoriaMetrics' cluster answers with what it has where a node is away, unless it is told to deny that (facts E.4).
  const { isPartial = false } = data
  if (isPartial !== false && isPartial !== null) return { problem: 'partial', detail: 'isPartial: a part of the storage did not answer' }
  return {
    found: at(data, 'data', 'result'),
    type: textAt(data, 'data', 'resultType'),
    infos: [...hints, ...listAt(data, 'infos').map(String)]
  }
}

function isHint(warning: string): boolean {
  return warning.startsWith('PromQL info:')
}

/** Reads one pair of time and value, as a vector has them and a matrix. */
export function readValue(pair: unknown, infos: readonly string[]): QueryAnswer {
  const found = at(pair, 1)
  // JSON has no NaN. A server that writes numbers as numbers has to write null for it.
  if (Array.isArray(pair) && found === null) return problem('not-a-number', 'null')
  const text = typeof found === 'number' ? String(found) : found
  if (typeof text !== 'string') return problem('malformed-answer', 'a value is not a pair of time and text')
  if (/^nan$/i.test(text)) return problem('not-a-number', text)
  if (/^[+-]?inf(inity)?$/i.test(text)) return problem('infinite', text)
  const value = Number(text)
  return text.trim() === '' || !Number.isFinite(value)
    ? problem('malformed-answer', `${JSON.stringify(text.slice(0, 40))} is not a number`)
    : { kind: 'number', value, infos }
}

/** The JSON body of a successful answer, or the reason why there is none. */
export function readApi(result: HttpResult): { readonly data: JsonObject } | { readonly problem: Problem; readonly detail: string } {
  if (result.kind === 'failed') {
    switch (result.problem) {
      case 'deadline':
        return { problem: 'deadline', detail: result.detail }
      case 'breaker-open':
        return { problem: 'breaker-open', detail: result.detail }
      case 'too-large':
        return { problem: 'malformed-answer', detail: result.detail }
      case 'unreachable':
        return { problem: 'unreachable', detail: result.detail }
    }
  }
  const isJson = (result.headers['content-type'] ?? '').includes('json')
  // A Prometheus that starts answers 503 in plain text. So the content type is checked before the body.
  if (!isJson) {
    const said = firstLineOf(result.body)
    const type = result.headers['content-type'] ?? 'without a content type'
    return result.status === 503
      ? { problem: 'not-ready', detail: `503 ${said}`.trimEnd() }
      : { problem: 'malformed-answer', detail: `${result.status} ${type}${said === '' ? '' : `: ${said}`}` }
  }
  let data: unknown
  try {
    data = JSON.parse(result.body)
  } catch {
    return { problem: 'malformed-answer', detail: `${result.status} with a body that is not JSON` }
  }
  if (!isObject(data)) return { problem: 'malformed-answer', detail: 'the answer is not an object' }
  if (result.status === 200 && data['status'] === 'success') return { data }
  const errorType = textAt(data, 'errorType') ?? String(result.status)
  const detail = `${errorType}: ${firstLineOf(result.body)}`
  if (errorType === 'timeout') return { problem: 'deadline', detail }
  // `bad_data` and `execution` are faults of the query. Everything else is a fault of the source.
  if (result.status === 400 || (result.status === 422 && !isBehind(detail))) return { problem: 'query-rejected', detail }
  return { problem: result.status === 503 ? 'not-ready' : 'unreachable', detail }
}

/**
 * What a 422 says that comes from behind the server: Thanos and Mimir answer so where a store is away or slow, and Prometheus where
 * a remote read fails (facts E.4). A retry mends that, and no change of the query.
 */
const BEHIND =
  /rpc error|expanding series|fetch(ing)? series|store ?api|store[- ]gateway|vmstorage|\bingesters?\b|connection (refused|reset)|dial tcp|no such host|i\/o timeout|deadline exceeded|context canceled|\bunavailable\b|\bunhealthy\b|\bEOF\b/i

/** Names of series and labels, which an error quotes, may hold any of these words. */
function isBehind(detail: string): boolean {
  return BEHIND.test(detail.replaceAll(/"[^"]*"|\{[^}]*\}/g, ''))
}

export function problem(kind: Problem, detail: string): QueryAnswer {
  return { kind: 'problem', problem: kind, detail }
}
