import { numberAt, objectAt, textAt } from '../base/json.ts'
import type { Problem } from '../domain/verdict.ts'
import type { HttpResult } from '../outgoing/http-client.ts'
import { type QueryAnswer, readApi, readQueryAnswer } from './prometheus-api.ts'

/** What one query gave when it was tried, and what it cost the source. */
export interface Probe {
  readonly answer: QueryAnswer
  /** How many samples the source read for it, where it tells. */
  readonly samples?: number
  readonly tookMs: number
}

/** The problems that lie in the query, whatever the numbers are now. */
export const QUERY_FAULTS: ReadonlySet<Problem> = new Set(['query-rejected', 'not-a-vector', 'histogram'])

/** @param tookMs how long the source took to answer */
export function readProbe(result: HttpResult, tookMs: number): Probe {
  const body = readApi(result)
  const samples = 'problem' in body ? undefined : samplesOf(objectAt(body.data, 'data', 'stats'))
  return { answer: readQueryAnswer(result), tookMs, ...(samples === undefined ? {} : { samples }) }
}

/** Prometheus, Thanos and Mimir count samples where they are asked for statistics. */
function samplesOf(stats: ReturnType<typeof objectAt>): number | undefined {
  const counted = numberAt(stats, 'samples', 'totalQueryableSamples')
  if (counted !== undefined) return counted
  const written = textAt(stats, 'samples', 'totalQueryableSamples')
  return written === undefined || !/^\d+$/.test(written) ? undefined : Number(written)
}
