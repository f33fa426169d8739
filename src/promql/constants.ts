import { type Expr, unwrapped } from './ast.ts'
import { arithmetic, compare } from './presence.ts'

/** The value of an expression that is written out in the query, such as `0.9 * 100` or `vector(5)`; undefined for any other. */
export function constantOf(expr: Expr): number | undefined {
  const bare = unwrapped(expr)
  switch (bare.kind) {
    case 'number':
      return bare.value
    case 'unary': {
      const inner = constantOf(bare.of)
      return inner === undefined || !bare.negative ? inner : -inner
    }
    case 'call': {
      const [first] = bare.args
      if (bare.name === 'pi') return Math.PI
      return first !== undefined && (bare.name === 'vector' || bare.name === 'scalar') ? constantOf(first) : undefined
    }
    case 'binary': {
      const left = constantOf(bare.left)
      const right = constantOf(bare.right)
      if (left === undefined || right === undefined) return undefined
      return bare.bool ? Number(compare(bare.operator, left, right)) : arithmetic(bare.operator, left, right)
    }
    default:
      return undefined
  }
}
