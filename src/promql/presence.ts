import { type Aggregation, type Binary, type Call, type Expr, isComparison, isSetOperator, type Selector } from './ast.ts'

/** What an expression gives: nothing, or something whose value may be known. Labels are left aside. */
export type Given = { readonly kind: 'nothing' } | { readonly kind: 'something'; readonly value: number | undefined }

const NOTHING: Given = { kind: 'nothing' }
const UNKNOWN: Given = { kind: 'something', value: undefined }
const known = (value: number): Given => ({ kind: 'something', value })

/** What an expression gives where just those selectors find series for which `exists` answers true. */
export function givenWhere(expr: Expr, exists: (selector: Selector) => boolean): Given {
  const given = (of: Expr): Given => givenWhere(of, exists)
  switch (expr.kind) {
    case 'number':
      return known(expr.value)
    case 'string':
      return NOTHING
    case 'selector':
      return exists(expr) ? UNKNOWN : NOTHING
    case 'paren':
    case 'range':
    case 'subquery':
    case 'offset':
    case 'at':
    case 'extended':
      return given(expr.of)
    case 'unary': {
      const inner = given(expr.of)
      return inner.kind === 'nothing' || inner.value === undefined || !expr.negative ? inner : known(-inner.value)
    }
    case 'call':
      return ofCall(expr, given)
    case 'aggregation':
      return ofAggregation(expr, given)
    case 'binary':
      return ofBinary(expr, given(expr.left), given(expr.right))
  }
}

function ofCall({ name, args }: Call, given: (expr: Expr) => Given): Given {
  const inner = args.filter(arg => arg.kind !== 'string').map(given)
  const [first] = inner
  switch (name) {
    case 'absent':
    case 'absent_over_time':
      return first?.kind === 'nothing' ? known(1) : NOTHING
    case 'vector':
      return first ?? NOTHING
    case 'scalar':
      return first === undefined || first.kind === 'nothing' ? known(Number.NaN) : first
    case 'label_replace':
    case 'label_join':
    case 'sort':
    case 'sort_desc':
      return first ?? NOTHING
    default:
      return inner.some(one => one.kind === 'nothing') ? NOTHING : UNKNOWN
  }
}

function ofAggregation({ operator, args }: Aggregation, given: (expr: Expr) => Given): Given {
  const over = args.at(-1)
  const inner = over === undefined ? NOTHING : given(over)
  if (inner.kind === 'nothing') return NOTHING
  switch (operator) {
    case 'sum':
    case 'min':
    case 'max':
    case 'avg':
    case 'topk':
    case 'bottomk':
      return inner
    // One series stands for all of them only where its value is written in the query.
    case 'count':
      return inner.value === undefined ? UNKNOWN : known(1)
    case 'group':
      return known(1)
    default:
      return UNKNOWN
  }
}

function ofBinary({ operator, bool, fills }: Binary, left: Given, right: Given): Given {
  if (isSetOperator(operator)) {
    switch (operator) {
      case 'or':
        return left.kind === 'something' ? left : right
      case 'and':
        return right.kind === 'something' ? left : NOTHING
      case 'unless':
        return right.kind === 'something' ? NOTHING : left
    }
  }
  if (left.kind === 'nothing' || right.kind === 'nothing') return fills && left.kind !== right.kind ? UNKNOWN : NOTHING
  if (left.value === undefined || right.value === undefined) return UNKNOWN
  if (isComparison(operator)) {
    const holds = compare(operator, left.value, right.value)
    if (bool) return known(holds ? 1 : 0)
    return holds ? left : NOTHING
  }
  return { kind: 'something', value: arithmetic(operator, left.value, right.value) }
}

/** PromQL's comparison of two numbers. */
export function compare(operator: string, left: number, right: number): boolean {
  switch (operator) {
    case '>':
      return left > right
    case '>=':
      return left >= right
    case '<':
      return left < right
    case '<=':
      return left <= right
    case '==':
      return left === right
    default:
      return left !== right
  }
}

/** PromQL's arithmetic of two numbers; undefined for operators of histograms. */
export function arithmetic(operator: string, left: number, right: number): number | undefined {
  switch (operator) {
    case '+':
      return left + right
    case '-':
      return left - right
    case '*':
      return left * right
    case '/':
      return left / right
    case '%':
      return left % right
    case '^':
      return left ** right
    case 'atan2':
      return Math.atan2(left, right)
    default:
      return undefined
  }
}
