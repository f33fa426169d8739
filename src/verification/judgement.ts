import { holds } from '../domain/policy.ts'
import type { RenderedQuery } from '../domain/ports/verifier.ts'
import type { Problem, QuerySample } from '../domain/verdict.ts'
import type { QueryAnswer } from './prometheus-api.ts'

/** What a source answered to one query for one instant: its number, its traffic, and the age of its newest sample in seconds. */
export interface Answers {
  readonly main: QueryAnswer
  readonly traffic?: QueryAnswer | undefined
  readonly newest?: QueryAnswer | undefined
}

/** The problems that lie with the source, and not with what it measured. */
const SOURCE_PROBLEMS: ReadonlySet<Problem> = new Set([
  'unreachable',
  'deadline',
  'breaker-open',
  'not-ready',
  'malformed-answer',
  'query-rejected'
])

export type Judgement = Pick<QuerySample, 'verdict' | 'value' | 'traffic' | 'problem' | 'detail'>

/** What the answers mean for one query, now as for any instant of the past. Pure. */
export function judge(query: RenderedQuery, { main, traffic, newest }: Answers): Judgement {
  const numbers = {
    ...(main.kind === 'number' ? { value: main.value } : {}),
    ...(traffic?.kind === 'number' ? { traffic: traffic.value } : {})
  }
  const no = (problem: Problem, detail: string): Judgement => ({
    ...numbers,
    verdict: SOURCE_PROBLEMS.has(problem) ? 'error' : 'inconclusive',
    problem,
    detail
  })
  if (main.kind === 'problem') return no(main.problem, main.detail)
  if (query.traffic !== undefined && traffic !== undefined) {
    if (traffic.kind === 'problem') return no(traffic.problem, `traffic: ${traffic.detail}`)
    if (traffic.value < query.traffic.atLeast)
      return no('low-traffic', `traffic is ${traffic.value}, at least ${query.traffic.atLeast} is needed`)
  }
  if (newest?.kind === 'problem') {
    const { problem, detail } = newest
    // The question for the age is Astern's own. That a source refuses it says nothing against the user's query.
    if (problem === 'query-rejected') return no('stale', `age of the newest sample: Astern’s own question was refused: ${detail}`)
    return no(problem === 'no-data' ? 'stale' : problem, `age of the newest sample: ${detail}`)
  }
  if (newest?.kind === 'number' && newest.value * 1_000 > query.maxAge)
    return no('stale', `the newest sample is ${Math.round(newest.value)} s old, at most ${Math.round(query.maxAge / 1_000)} s is allowed`)
  return { ...numbers, verdict: holds(query.failWhen, main.value) ? 'fail' : 'pass' }
}
