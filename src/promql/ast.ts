/** The parts of a PromQL expression that Astern asks about. Every part knows where in the text it stands. */
interface Place {
  readonly from: number
  readonly to: number
}

export type MatchOperator = '=' | '!=' | '=~' | '!~'

export interface Matcher {
  readonly label: string
  readonly operator: MatchOperator
  readonly value: string
  /** Where the quoted value stands. */
  readonly literal: Place
}

export interface Selector extends Place {
  readonly kind: 'selector'
  /** The name before the braces, or quoted inside them; undefined where only matchers say what is selected. */
  readonly written: string | undefined
  readonly matchers: readonly Matcher[]
}

/** A selector with a range, such as `x[5m]`, or a subquery, such as `rate(x[1m])[5m:10s]`. */
export interface Ranged extends Place {
  readonly kind: 'range' | 'subquery'
  readonly of: Expr
  /** Milliseconds; undefined where the range is computed. */
  readonly range: number | undefined
}

/** `x offset 5m`, `x @ 1700000000`, `x anchored`, `x smoothed`. */
export interface Modified extends Place {
  readonly kind: 'offset' | 'at' | 'extended'
  readonly of: Expr
}

export interface Unary extends Place {
  readonly kind: 'unary'
  readonly negative: boolean
  readonly of: Expr
}

export interface Call extends Place {
  readonly kind: 'call'
  readonly name: string
  readonly args: readonly Expr[]
}

export interface Aggregation extends Place {
  readonly kind: 'aggregation'
  /** In lower case, such as `sum`. */
  readonly operator: string
  /** The labels of `by`; undefined for `without`. */
  readonly by: readonly string[] | undefined
  readonly args: readonly Expr[]
}

export const COMPARISON_OPERATORS = ['>', '>=', '<', '<=', '==', '!='] as const
export type ComparisonOperator = (typeof COMPARISON_OPERATORS)[number]
export type SetOperator = 'and' | 'or' | 'unless'
export type ArithmeticOperator = '+' | '-' | '*' | '/' | '%' | '^' | 'atan2' | '</' | '>/'

export interface Binary extends Place {
  readonly kind: 'binary'
  readonly operator: ComparisonOperator | SetOperator | ArithmeticOperator
  readonly left: Expr
  readonly right: Expr
  /** Where the operator itself stands. */
  readonly sign: Place
  readonly bool: boolean
  /** True where `on` or `ignoring` names labels. */
  readonly matching: boolean
  /** True where `group_left` or `group_right` stands. */
  readonly grouping: boolean
  /** True where missing sides are filled in (`fill`, Prometheus 3.8 and later). */
  readonly fills: boolean
}

export type Expr =
  | ({ readonly kind: 'number'; readonly value: number } & Place)
  | ({ readonly kind: 'string'; readonly value: string } & Place)
  | ({ readonly kind: 'paren'; readonly of: Expr } & Place)
  | Selector
  | Ranged
  | Modified
  | Unary
  | Call
  | Aggregation
  | Binary

/** The expressions directly inside one. */
export function childrenOf(expr: Expr): readonly Expr[] {
  switch (expr.kind) {
    case 'number':
    case 'string':
    case 'selector':
      return []
    case 'paren':
    case 'range':
    case 'subquery':
    case 'offset':
    case 'at':
    case 'extended':
    case 'unary':
      return [expr.of]
    case 'call':
    case 'aggregation':
      return expr.args
    case 'binary':
      return [expr.left, expr.right]
  }
}

/** An expression and everything inside it, outermost first. */
export function everyPart(expr: Expr): Expr[] {
  return [expr, ...childrenOf(expr).flatMap(everyPart)]
}

/** What stands inside any number of parentheses. */
export function unwrapped(expr: Expr): Expr {
  return expr.kind === 'paren' ? unwrapped(expr.of) : expr
}

export function isComparison(operator: Binary['operator']): operator is ComparisonOperator {
  return COMPARISON_OPERATORS.some(known => known === operator)
}

export function isSetOperator(operator: Binary['operator']): operator is SetOperator {
  return operator === 'and' || operator === 'or' || operator === 'unless'
}
