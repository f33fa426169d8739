import { type Binary, type ComparisonOperator, type Expr, isComparison, unwrapped } from './ast.ts'
import { constantOf } from './constants.ts'
import { oneLine, operand, textOf } from './quoting.ts'
import { isSingle } from './single.ts'

const TURNED: Readonly<Record<ComparisonOperator, ComparisonOperator>> = {
  '>': '<',
  '>=': '<=',
  '<': '>',
  '<=': '>=',
  '==': '==',
  '!=': '!='
}

interface Comparison extends Binary {
  readonly operator: ComparisonOperator
}

/** A comparison on top of a query, as the two halves that say the same apart. */
export interface Halves {
  /** The query for the number. */
  readonly promql: string
  readonly operator: ComparisonOperator
  readonly threshold: number
}

/** One side of the `and`s of a query that filters. */
export type FilterPart =
  | { readonly kind: 'threshold'; readonly halves: Halves; readonly at: number }
  /** Two things that are both measured. Their difference is a number. */
  | { readonly kind: 'two-vectors'; readonly halves: Halves; readonly at: number }
  | { readonly kind: 'number'; readonly promql: string }

/**
 * The comparisons without `bool` that leave nothing of a query where they do not hold. They are looked for through parentheses, `and`, `unless`,
 * and `or` if both of its sides filter.
 * @param source the query as people wrote it; the expression's positions are positions in it
 * @returns the sides that stand beside each other; undefined where the query answers a number whatever that is
 */
export function filtersOf(
  expr: Expr,
  source: string
): { readonly joined: 'and' | 'or'; readonly parts: readonly FilterPart[] } | undefined {
  const bare = unwrapped(expr)
  if (!filters(bare)) return undefined
  if (bare.kind === 'binary' && bare.operator === 'or')
    return { joined: 'or', parts: [bare.left, bare.right].flatMap(side => filtersOf(side, source)?.parts ?? []) }
  return { joined: 'and', parts: conjuncts(bare).flatMap(part => partsOf(part, source)) }
}

/** Whether the query gives nothing at all while a comparison in it is false. */
export function filters(expr: Expr): boolean {
  const bare = unwrapped(expr)
  if (bare.kind !== 'binary') return false
  switch (bare.operator) {
    case 'and':
      return filters(bare.left) || filters(bare.right)
    // What stands behind `unless` takes series away where it holds. The number is the left side's.
    case 'unless':
      return filters(bare.left)
    case 'or':
      return filters(bare.left) && filters(bare.right)
    default:
      return isBareComparison(bare)
  }
}

function isBareComparison(expr: Expr): expr is Comparison {
  return expr.kind === 'binary' && isComparison(expr.operator) && !expr.bool
}

/** The sides of nested `and`s. Of an `unless` the left side counts. */
function conjuncts(expr: Expr): Expr[] {
  const bare = unwrapped(expr)
  if (bare.kind !== 'binary') return [bare]
  if (bare.operator === 'and') return [...conjuncts(bare.left), ...conjuncts(bare.right)]
  return bare.operator === 'unless' ? conjuncts(bare.left) : [bare]
}

function partsOf(expr: Expr, source: string): readonly FilterPart[] {
  if (isBareComparison(expr)) return [partOf(expr, source)]
  return filtersOf(expr, source)?.parts ?? [{ kind: 'number', promql: textOf(expr, source) }]
}

function partOf(expr: Comparison, source: string): FilterPart {
  const { left, right, operator, sign } = expr
  const limit = constantOf(right)
  if (limit !== undefined && Number.isFinite(limit))
    return {
      kind: 'threshold',
      halves: halvesOf({ text: textOf(left, source), beside: operand(left, source), single: isSingle(left), operator, threshold: limit }),
      at: sign.from
    }
  const turned = constantOf(left)
  if (turned !== undefined && Number.isFinite(turned)) {
    const number = {
      text: textOf(right, source),
      beside: operand(right, source),
      single: isSingle(right),
      operator: TURNED[operator],
      threshold: turned
    }
    return { kind: 'threshold', halves: halvesOf(number), at: sign.from }
  }
  // Whatever was said of the matching stands behind the operator, and holds for the difference too.
  const matching = oneLine(source.slice(sign.to, right.from))
  const text = [operand(left, source), '-', matching, operand(right, source)].filter(part => part !== '').join(' ')
  return {
    kind: 'two-vectors',
    halves: halvesOf({ text, beside: text, single: isSingle(left) && isSingle(right), operator, threshold: 0 }),
    at: sign.from
  }
}

/** Many series are one number where any of them counts: the greatest, the least, or how many are equal. */
function halvesOf(found: {
  readonly text: string
  /** The same for a place beside another operator. */
  readonly beside: string
  readonly single: boolean
  readonly operator: ComparisonOperator
  readonly threshold: number
}): Halves {
  const { text, single, operator } = found
  // Without the noise of binary fractions: 14.4 * 0.001 is 0.0144.
  const threshold = Number(found.threshold.toPrecision(12))
  if (single) return { promql: text, operator, threshold }
  switch (operator) {
    case '>':
    case '>=':
      return { promql: `max(${text})`, operator, threshold }
    case '<':
    case '<=':
      return { promql: `min(${text})`, operator, threshold }
    case '==':
    case '!=':
      return { promql: `sum(${found.beside} ${operator} bool ${threshold})`, operator: '>', threshold: 0 }
  }
}
