import { type Expr, isComparison, isSetOperator, type Modified, type Ranged } from './ast.ts'
import { PromqlFault } from './fault.ts'
import { signature, type ValueType } from './functions.ts'

/** Aggregations that take a parameter before what they aggregate, and its type. */
const PARAMETERS: Readonly<Record<string, ValueType>> = {
  topk: 'scalar',
  bottomk: 'scalar',
  quantile: 'scalar',
  limitk: 'scalar',
  limit_ratio: 'scalar',
  count_values: 'string'
}
const SAID: Readonly<Record<ValueType, string>> = {
  scalar: 'a scalar',
  vector: 'an instant vector',
  matrix: 'a range such as [5m]',
  string: 'a text'
}

/** Throws a `PromqlFault` where types do not fit, as Prometheus' parser does: `rate(x)`, `sum(x[5m])`, `1 > 2`, `5 and x`. */
export function checkTypes(expr: Expr): void {
  typeOf(expr)
}

/** What an expression gives. It has to be one that `checkTypes` lets pass. */
export function typeOf(expr: Expr): ValueType {
  switch (expr.kind) {
    case 'number':
      return 'scalar'
    case 'string':
      return 'string'
    case 'selector':
      return 'vector'
    case 'paren':
      return typeOf(expr.of)
    case 'unary':
      return expected(expr.of, ['scalar', 'vector'], 'a sign')
    case 'range':
      if (expr.of.kind !== 'selector' && expr.of.kind !== 'extended')
        throw new PromqlFault('a range belongs right behind a selector', expr.of.from)
      checkRange(expr)
      typeOf(expr.of)
      return 'matrix'
    case 'subquery':
      checkRange(expr)
      expected(expr.of, ['vector'], 'a subquery')
      return 'matrix'
    case 'offset':
    case 'at':
    case 'extended':
      return modifiedType(expr.of, expr.kind)
    case 'call':
      return callType(expr)
    case 'aggregation':
      return aggregationType(expr)
    case 'binary':
      return binaryType(expr)
  }
}

/** Longer ranges than some 290 years do not fit Go's durations. */
const LONGEST_RANGE_MS = 9_223_372_036_854

function checkRange({ range, to }: Ranged): void {
  if (range !== undefined && (range <= 0 || range > LONGEST_RANGE_MS))
    throw new PromqlFault('a range must be longer than 0, and at most 290 years', to - 1)
}

/** Whether a modifier stands there already, behind a selector and its range. */
function has(kind: Modified['kind'], expr: Expr): boolean {
  switch (expr.kind) {
    case 'offset':
    case 'at':
    case 'extended':
      return expr.kind === kind || has(kind, expr.of)
    default:
      return false
  }
}

function modifiedType(of: Expr, kind: 'offset' | 'at' | 'extended'): ValueType {
  if (!['selector', 'range', 'subquery', 'offset', 'at', 'extended'].includes(of.kind))
    throw new PromqlFault(
      `${kind === 'offset' ? 'offset' : kind === 'at' ? '@' : 'anchored and smoothed'} belongs right behind a selector or a range`,
      of.from
    )
  if (kind !== 'extended' && has(kind, of)) throw new PromqlFault(`${kind === 'offset' ? 'offset' : '@'} stands there twice`, of.to)
  return typeOf(of)
}

function expected(expr: Expr, types: readonly ValueType[], where: string): ValueType {
  const found = typeOf(expr)
  if (!types.includes(found))
    throw new PromqlFault(`${where} takes ${types.map(type => SAID[type]).join(' or ')}, and this is ${SAID[found]}`, expr.from)
  return found
}

function callType(call: Extract<Expr, { kind: 'call' }>): ValueType {
  const known = signature(call.name)
  if (known === undefined) throw new PromqlFault(`Prometheus has no function ${call.name}`, call.from)
  const { takes, last, gives } = known
  const least = Math.max(0, takes.length - 1) + (takes.length === 0 ? 0 : last.least)
  const most = Math.max(0, takes.length - 1) + (takes.length === 0 ? 0 : last.most)
  if (call.args.length < least || call.args.length > most)
    throw new PromqlFault(
      `${call.name}() takes ${least === most ? least : `at least ${least}`} arguments, and has ${call.args.length}`,
      call.from
    )
  for (const [index, argument] of call.args.entries()) {
    const type = takes[Math.min(index, takes.length - 1)]
    if (type !== undefined) expected(argument, [type], `${call.name}()`)
  }
  return gives
}

function aggregationType(aggregation: Extract<Expr, { kind: 'aggregation' }>): ValueType {
  const { operator, args } = aggregation
  const parameter = PARAMETERS[operator]
  const over = args.at(-1)
  if (over === undefined || args.length !== (parameter === undefined ? 1 : 2))
    throw new PromqlFault(
      `${operator} takes ${parameter === undefined ? 'one argument' : 'two arguments'}, and has ${args.length}`,
      aggregation.from
    )
  const first = args[0]
  if (parameter !== undefined && first !== undefined) expected(first, [parameter], operator)
  expected(over, ['vector'], operator)
  return 'vector'
}

function binaryType(binary: Extract<Expr, { kind: 'binary' }>): ValueType {
  const { operator, left, right, bool, sign, matching, grouping, fills } = binary
  const types = [left, right].map(side => expected(side, ['scalar', 'vector'], operator))
  const scalars = types.filter(type => type === 'scalar').length
  if (bool && !isComparison(operator)) throw new PromqlFault('bool belongs to comparisons only', sign.from)
  if (isComparison(operator) && !bool && scalars === 2) throw new PromqlFault('a comparison of two scalars needs bool', sign.from)
  if (isSetOperator(operator) && scalars > 0) throw new PromqlFault(`${operator} stands between vectors only`, sign.from)
  if (isSetOperator(operator) && grouping) throw new PromqlFault(`${operator} takes no group_left or group_right`, sign.from)
  if (isSetOperator(operator) && fills) throw new PromqlFault(`${operator} fills nothing in`, sign.from)
  if (scalars > 0 && (matching || fills)) throw new PromqlFault('on, ignoring and fill stand between vectors only', sign.from)
  return scalars === 2 ? 'scalar' : 'vector'
}
