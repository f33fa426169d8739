import { type Expr, isSetOperator } from './ast.ts'
import { typeOf } from './types.ts'

/** Whether an expression gives one series at the most, whatever there is. `false` where the text does not show it. */
export function isSingle(expr: Expr): boolean {
  switch (expr.kind) {
    case 'number':
    case 'string':
      return true
    case 'paren':
    case 'unary':
      return isSingle(expr.of)
    case 'aggregation':
      return !['topk', 'bottomk', 'limitk', 'limit_ratio', 'count_values'].includes(expr.operator) && expr.by?.length === 0
    case 'call':
      switch (expr.name) {
        case 'absent':
        case 'absent_over_time':
        case 'scalar':
        case 'vector':
          return true
        case 'histogram_quantile':
        case 'histogram_fraction':
          // The buckets of one histogram differ in `le`, and give one number together.
          return expr.args.some(arg => arg.kind === 'aggregation' && arg.by?.every(label => label === 'le') === true)
        default:
          return expr.args.every(arg => !['vector', 'matrix'].includes(typeOf(arg)) || (typeOf(arg) === 'vector' && isSingle(arg)))
      }
    case 'binary':
      if (typeOf(expr) === 'scalar') return true
      // A union has one series only where both sides give it without labels.
      if (isSetOperator(expr.operator) && expr.operator !== 'or') return isSingle(expr.left)
      return isSingle(expr.left) && isSingle(expr.right)
    default:
      return false
  }
}
