import { type Expr, everyPart, type Selector } from './ast.ts'

/** Series that Prometheus makes of alerting rules. How far back they look is written in those rules, as with a recording rule. */
const OF_RULES: ReadonlySet<string> = new Set(['ALERTS', 'ALERTS_FOR_STATE'])

/** All selectors of an expression, in the order of the text. */
export function selectorsOf(expr: Expr): Selector[] {
  return everyPart(expr).filter(part => part.kind === 'selector')
}

/**
 * The metric that a selector names, in whichever spelling: `m`, `m{…}`, `{"m"}`, `{__name__="m"}`.
 * @param isOpen whether a place of the text is filled in later, so that the name is not known yet
 * @returns undefined where a regular expression, another label or a later value decides which metrics they are
 */
export function metricOf(
  selector: Selector,
  isOpen: (place: { readonly from: number; readonly to: number }) => boolean
): string | undefined {
  if (selector.written !== undefined) return selector.written
  const names = selector.matchers.filter(matcher => matcher.label === '__name__' && matcher.operator === '=')
  if (names.some(({ literal }) => isOpen(literal))) return undefined
  return names[0]?.value
}

/** Whether a metric is made by a rule, so that it may look further back than the query that reads it. By convention such names have a colon. */
function isOfRule(metric: string): boolean {
  return metric.includes(':') || OF_RULES.has(metric)
}

/**
 * How far back an expression looks, milliseconds: its longest range.
 * @returns undefined where the text does not show it (recording rule, metrics that a regular expression chooses, subquery, `offset`, `@`)
 */
export function windowOf(expr: Expr, isOpen: Parameters<typeof metricOf>[1] = () => false): number | undefined {
  let longest = 0
  for (const part of everyPart(expr)) {
    switch (part.kind) {
      case 'subquery':
      case 'offset':
      case 'at':
        return undefined
      case 'range':
        if (part.range === undefined) return undefined
        longest = Math.max(longest, part.range)
        break
      case 'selector': {
        const metric = metricOf(part, isOpen)
        if (metric === undefined || isOfRule(metric)) return undefined
        break
      }
      default:
        break
    }
  }
  return longest
}
