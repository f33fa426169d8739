import type { History } from './history.ts'
import type { Told } from './told.ts'
import type { Verdict } from './verdict.ts'

/** All that is told of a guard in the end, to whatever reads it: a page, a test report, variables. */
export interface Report {
  readonly target: string
  readonly told?: Told
  readonly verdict: Verdict
  /** Where the guard can be looked at. */
  readonly link?: string
  readonly history: History
  /** How long the command waited, seconds. */
  readonly seconds: number
}

/** Plain facts by name, in the order in which they are told. Each value is one line. */
export function factsOf({ told, verdict, link }: Report): readonly (readonly [string, string])[] {
  return [
    ['result', verdict.result],
    ['exit-code', String(verdict.code)],
    ['id', told?.id ?? ''],
    ['run', told?.run?.id ?? ''],
    ['revision', told?.version?.revision === undefined ? '' : String(told.version.revision)],
    ['url', link ?? '']
  ]
}
