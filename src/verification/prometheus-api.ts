import { at, isObject, type JsonObject, listAt, textAt } from '../base/json.ts'
import type { Problem } from '../domain/verdict.ts'
import type { HttpResult } from '../outgoing/http-client.ts'

/** The result of one instant query. https://prometheus.io/docs/prometheus/latest/querying/api/ */
export type QueryAnswer =
  | { readonly kind: 'number'; readonly value: number; readonly infos: readonly string[] }
  | { readonly kind: 'problem'; readonly problem: Problem; readonly detail: string }

/** Turns a response into a number, or into the reason why there is none. It guesses nothing: no data is neither 0 nor good. */
export function readQueryAnswer(result: HttpResult): QueryAnswer {
  const body = readApi(result)
  if ('problem' in body) return { kind: 'problem', ...body }
  const warnings = listAt(body.data, 'warnings').map(String)
  if (warnings.length > 0) return problem('warnings', warnings.slice(0, 3).join('; '))
  const type = textAt(body.data, 'data', 'resultType')
  const found = at(body.data, 'data', 'result')
  const infos = listAt(body.data, 'infos').map(String)
  if (type === 'scalar') return readValue(found, infos)
  if (type !== 'vector' || !Array.isArray(found)) return problem('not-a-vector', `the result is a ${type ?? 'nothing known'}`)
  if (found.length === 0) return problem('no-data', 'no series')
  if (found.length > 1) return problem('many-series', `${found.length} series; aggregate them to one`)
  const series: unknown = found[0]
  if (isObject(series) && 'histogram' in series) return problem('histogram', 'use histogram_quantile or histogram_fraction')
  return readValue(at(series, 'value'), infos)
}

/** Reads one pair of time and value, as a vector has them and a matrix. */
export function readValue(pair: unknown, infos: readonly string[]): QueryAnswer {
  const text = textAt(pair, 1)
  if (text === undefined) return problem('malformed-answer', 'a value is not a pair of time and text')
  if (text === 'NaN') return problem('not-a-number', 'NaN')
  if (/^[+-]?Inf$/.test(text)) return problem('infinite', text)
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
    return result.status === 503
      ? { problem: 'not-ready', detail: `503 ${result.body.slice(0, 80).trim()}` }
      : { problem: 'malformed-answer', detail: `${result.status} ${result.headers['content-type'] ?? 'without a content type'}` }
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
  const detail = `${errorType}: ${textAt(data, 'error') ?? ''}`.slice(0, 300)
  // `bad_data` and `execution` are faults of the query. Everything else is a fault of the source.
  if (result.status === 400 || result.status === 422) return { problem: 'query-rejected', detail }
  if (errorType === 'timeout') return { problem: 'deadline', detail }
  return { problem: result.status === 503 ? 'not-ready' : 'unreachable', detail }
}

export function problem(kind: Problem, detail: string): QueryAnswer {
  return { kind: 'problem', problem: kind, detail }
}
