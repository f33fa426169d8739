import { type Aggregation, type Binary, type Expr, everyPart, isComparison, type Matcher, unwrapped } from './ast.ts'
import { filters } from './filters.ts'
import { givenWhere } from './presence.ts'
import { oneLine, operand } from './quoting.ts'
import { metricOf, selectorsOf } from './selectors.ts'
import { typeOf } from './types.ts'

/** Why a healthy application may leave nothing of a query, and what to write instead. */
export interface Unpadded {
  readonly kind: 'ratio' | 'failures-alone' | 'count-of-filtered'
  /** Characters into the query. */
  readonly at: number
  /** The same question with a number in any case; undefined where the text does not show it. */
  readonly instead: string | undefined
}

/** Names of counters that many applications have only once something went wrong. */
const OF_TROUBLE = /err|fail|5xx|4xx|timeout|drop|reject|exception|panic|abort|cancel|denied|throttl|restart/i
/** Labels that say how a request ended. */
const ENDINGS = /status|code|outcome|result|success|error/i
const BAD_ENDING = /^\(?\^?[45]|[45]xx|err|fail|false|timeout|exception|unavailable|internal/i
const GOOD_ENDING = /^\(?\^?[23]|[23]xx|ok|success|true/i

/**
 * Finds a query that has no number where all is well: a ratio whose upper part has no series before the first error, failures alone, or a
 * count of what passes a comparison. Such a query stays inconclusive then, and proves no recovery.
 */
export function unpadded(expr: Expr, source: string): Unpadded | undefined {
  const bare = unwrapped(expr)
  switch (bare.kind) {
    case 'unary':
      return unpadded(bare.of, source)
    case 'aggregation': {
      const over = bare.args.at(-1)
      if (over === undefined) return undefined
      if (!filters(over)) return failuresAlone(bare) ?? unpadded(over, source)
      return {
        kind: 'count-of-filtered',
        at: bare.from,
        instead: bare.operator === 'count' ? countedWithBool(bare, over, source) : undefined
      }
    }
    case 'call':
      return (
        failuresAlone(bare) ??
        bare.args
          .filter(arg => typeOf(arg) === 'vector')
          .map(arg => unpadded(arg, source))
          .find(found => found !== undefined)
      )
    case 'binary': {
      // A share times 100, or one less a share, is a share still.
      if (typeOf(bare.left) === 'scalar') return unpadded(bare.right, source)
      if (typeOf(bare.right) === 'scalar') return unpadded(bare.left, source)
      if (bare.operator !== '/' || !vanishes(bare)) return undefined
      const below = operand(bare.right, source)
      return { kind: 'ratio', at: bare.from, instead: `(${operand(bare.left, source)} or 0 * ${below}) / ${below}` }
    }
    default:
      return undefined
  }
}

/** How many pass a comparison, as a sum of ones and noughts: it is 0 where none does. */
function countedWithBool(count: Aggregation, over: Expr, source: string): string | undefined {
  const bare = unwrapped(over)
  if (bare.kind !== 'binary' || !isComparison(bare.operator)) return undefined
  return oneLine(`sum${source.slice(count.from + 'count'.length, bare.sign.to)} bool${source.slice(bare.sign.to, count.to)}`)
}

/** Whether only failed requests are counted, so that there may be nothing to count. */
function failuresAlone(expr: Expr): Unpadded | undefined {
  const selectors = selectorsOf(expr)
  const alone = countsEvents(expr) && selectors.length > 0 && selectors.every(selector => selector.matchers.some(choosesFailures))
  return alone && givenWhere(expr, () => false).kind === 'nothing'
    ? { kind: 'failures-alone', at: expr.from, instead: undefined }
    : undefined
}

function choosesFailures({ label, operator, value }: Matcher): boolean {
  if (!ENDINGS.test(label)) return false
  return operator === '=' || operator === '=~' ? BAD_ENDING.test(value) : GOOD_ENDING.test(value)
}

/** Only what counts events starts without series. A gauge is there from the start. */
function countsEvents(expr: Expr): boolean {
  return everyPart(expr).some(part => part.kind === 'range')
}

/** Whether the upper part may be missing while the lower part is there. */
function vanishes({ left, right }: Binary): boolean {
  const below = selectorsOf(right)
  const open = () => false
  const suspects = selectorsOf(left).filter(selector => {
    const metric = metricOf(selector, open)
    const same = below.filter(other => metricOf(other, open) === metric)
    if (same.length === 0) return OF_TROUBLE.test(metric ?? '')
    const wanted = new Set(same.flatMap(other => other.matchers.map(matcherText)))
    return selector.matchers.some(matcher => !wanted.has(matcherText(matcher)))
  })
  return countsEvents(left) && suspects.length > 0 && givenWhere(left, selector => !suspects.includes(selector)).kind === 'nothing'
}

function matcherText({ label, operator, value }: Matcher): string {
  return JSON.stringify([label, operator, value])
}
