import type { History, Point, Span } from '../domain/history.ts'
import type { RenderedQuery } from '../domain/ports/verifier.ts'
import { combine } from '../domain/verdict.ts'
import { ageQuery } from '../promql/age.ts'
import { judge } from './judgement.ts'
import type { QueryAnswer } from './prometheus-api.ts'
import type { RangeAnswer } from './range-answer.ts'

/** Asks one query for every instant of a span. */
export type AskRange = (promql: string, span: Span) => Promise<RangeAnswer>

const NOTHING: QueryAnswer = { kind: 'problem', problem: 'no-data', detail: 'no series' }

/**
 * What all queries said together at each instant of a span, by the same judgement as a sample of the present: traffic and the age
 * of the newest sample included.
 * @param span in the source's clock
 */
export async function pastOf(queries: readonly RenderedQuery[], span: Span, ask: AskRange): Promise<History> {
  const asked = await Promise.all(
    queries.map(async query => {
      const age = ageQuery(query)
      const [main, traffic, newest] = await Promise.all([
        ask(query.promql, span),
        query.traffic === undefined ? undefined : ask(query.traffic.promql, span),
        age === undefined ? undefined : ask(age, span)
      ])
      return { query, main, traffic, newest }
    })
  )
  const times = new Set<number>()
  for (const { query, main, traffic, newest } of asked) {
    for (const answer of [main, traffic, newest]) {
      if (answer?.kind !== 'problem') continue
      // The question for the age is Astern's own. That a source refuses it says nothing against the user's query.
      const problem = answer === newest && answer.problem === 'query-rejected' ? 'stale' : answer.problem
      return { kind: 'unknown', problem, detail: `${query.name}: ${answer === newest ? 'age of the newest sample: ' : ''}${answer.detail}` }
    }
    if (main.kind === 'answers') for (const time of main.byTime.keys()) times.add(time)
  }
  const points = [...times]
    // A source may round the span to its own grid. What lies outside was not asked for.
    .filter(time => time >= span.from && time <= span.to)
    .sort((a, b) => a - b)
    .map((time): Point => {
      const judged = asked.map(({ query, main, traffic, newest }) => ({
        query: query.name,
        promql: query.promql,
        time,
        tookMs: 0,
        ...judge(query, {
          main: answerAt(main, time),
          traffic: traffic && answerAt(traffic, time),
          newest: newest && answerAt(newest, time)
        })
      }))
      return { at: time, verdict: combine(judged).verdict }
    })
  return { kind: 'points', points }
}

function answerAt(answer: RangeAnswer, time: number): QueryAnswer {
  return answer.kind === 'problem' ? answer : (answer.byTime.get(time) ?? NOTHING)
}
