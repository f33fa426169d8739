import { formatDuration } from '../base/duration.ts'
import { childrenOf, type Expr, type Selector } from './ast.ts'
import { readPromql } from './parse.ts'
import { givenWhere } from './presence.ts'
import { metricOf } from './selectors.ts'

/** The parts of a rendered query that its age depends on. */
export interface Aged {
  readonly promql: string
  readonly traffic?: { readonly promql: string } | undefined
  /** Milliseconds. */
  readonly maxAge: number
}

/**
 * The query for the age in seconds of the newest sample behind a rendered query; undefined where it reads no series.
 * What `absent()` looks for has no age while all is well, and a query that is padded (`… or vector(0)`) has none of its own before the first
 * error: then the traffic shows that the source is up to date.
 */
export function ageQuery({ promql, traffic, maxAge }: Aged): string | undefined {
  const expr = readPromql(promql)
  if ('error' in expr) return undefined
  const own = newest(present(expr), promql, maxAge)
  const answersAlone = givenWhere(expr, () => false).kind === 'something'
  const other = answersAlone && traffic !== undefined ? newestOf(traffic.promql, maxAge) : undefined
  const parts = [own, other].filter(part => part !== undefined)
  if (parts.length === 0) return undefined
  return `time() - ${parts.length === 1 ? parts.join('') : `(${parts.join(' or ')})`}`
}

function newestOf(promql: string, maxAge: number): string | undefined {
  const expr = readPromql(promql)
  return 'error' in expr ? undefined : newest(present(expr), promql, maxAge)
}

/** The selectors whose series are there when the query answers. Those inside `absent()` are not, and `info()` names none in its second argument. */
function present(expr: Expr): Selector[] {
  if (expr.kind === 'selector') return [expr]
  if (expr.kind !== 'call') return childrenOf(expr).flatMap(present)
  if (expr.name === 'absent' || expr.name === 'absent_over_time') return []
  return (expr.name === 'info' ? expr.args.slice(0, 1) : expr.args).flatMap(present)
}

function newest(selectors: readonly Selector[], promql: string, maxAge: number): string | undefined {
  const questions = new Set(selectors.map(selector => questionOf(selector, promql.slice(selector.from, selector.to), maxAge)))
  return questions.size === 0 ? undefined : `max(${[...questions].join(' or ')})`
}

/**
 * `timestamp()` drops the name of a metric. Where a selector may find several metrics, two series of different names could then be
 * equal, which Prometheus refuses. `last_over_time()` keeps the name, and says only whether a sample is new enough: such samples count as of
 * now. The label keeps the answer apart from series without labels.
 */
function questionOf(selector: Selector, text: string, maxAge: number): string {
  if (metricOf(selector, () => false) !== undefined) return `timestamp(${text})`
  const fresh = `count(last_over_time(${text}[${formatDuration(maxAge)}]) and ${text})`
  return `label_replace(time() + 0 * ${fresh}, "metrics", "several", "", "")`
}
