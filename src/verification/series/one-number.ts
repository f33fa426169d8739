import type { AskPrometheus } from '../prometheus.ts'
import type { Said } from '../sequential/counting/number-source.ts'
import { readSeries, unsaid } from './raw-series.ts'

/** Asks a query for its one number, as it is now; undefined where there is none. @param now Astern’s clock, epoch milliseconds */
export type AskNumber = (promql: string, now: number, signal: AbortSignal) => Promise<Said<number | undefined>>

export function numberAsking(ask: AskPrometheus, clockOffset: () => number): AskNumber {
  return async (promql, now, signal) => {
    const found = readSeries(await ask('/api/v1/query', { query: promql, time: ((now + clockOffset()) / 1_000).toFixed(3) }, signal))
    if (found.kind === 'unsaid') return found
    if (found.value.length > 1) return unsaid('ambiguous', `${found.value.length} series where one number is expected`)
    return { kind: 'said', value: found.value[0]?.samples[0]?.value }
  }
}
