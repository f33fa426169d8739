import { at, isObject, listAt } from '../base/json.ts'
import type { Problem } from '../domain/verdict.ts'
import type { HttpResult } from '../outgoing/http-client.ts'
import { isNothing, problem, type QueryAnswer, readValue, readWhole } from './prometheus-api.ts'

/** The result of one range query: an answer for each instant (epoch milliseconds, the source's clock) that has one. */
export type RangeAnswer =
  | { readonly kind: 'answers'; readonly byTime: ReadonlyMap<number, QueryAnswer> }
  | { readonly kind: 'problem'; readonly problem: Problem; readonly detail: string }

/**
 * Turns a response into an answer for each instant, or into the reason why there is none. Each instant is read as an instant query
 * is. A warning belongs to the whole answer, so an answer with one is none.
 */
export function readRangeAnswer(result: HttpResult): RangeAnswer {
  const body = readWhole(result)
  if ('problem' in body) return { kind: 'problem', ...body }
  const { found: series, type } = body
  if (isNothing(series, type, 'matrix')) return { kind: 'answers', byTime: new Map() }
  if (type !== 'matrix' || !Array.isArray(series))
    return { kind: 'problem', problem: 'malformed-answer', detail: `the result of a range query is a ${type || 'nothing known'}` }
  const byTime = new Map<number, QueryAnswer>()
  for (const one of series) {
    if (!isObject(one)) return { kind: 'problem', problem: 'malformed-answer', detail: 'a series is not an object' }
    for (const pair of listAt(one, 'values')) add(byTime, pair, readValue(pair, []))
    for (const pair of listAt(one, 'histograms')) add(byTime, pair, problem('histogram', 'use histogram_quantile or histogram_fraction'))
  }
  return { kind: 'answers', byTime }
}

/** Two series with a value at one instant leave open which is meant, as in an instant query. */
function add(byTime: Map<number, QueryAnswer>, pair: unknown, answer: QueryAnswer): void {
  const seconds = at(pair, 0)
  if (typeof seconds !== 'number') return
  const time = Math.round(seconds * 1_000)
  byTime.set(time, byTime.has(time) ? problem('many-series', 'several series; aggregate them to one') : answer)
}
