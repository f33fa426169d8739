import { type Binary, type Expr, isComparison } from './ast.ts'

/** An operator between two operands, with what belongs to it: `bool`, `on(…)`, `group_left`. */
export type Operator = Omit<Binary, 'kind' | 'left' | 'right' | 'from' | 'to'>

/** Operands and the operators between them, in the order of the text: one operand more than operators. */
export interface Chain {
  readonly operands: readonly Expr[]
  readonly operators: readonly Operator[]
}

/** The grammar's names of the operators. */
export const OPERATORS: Readonly<Record<string, Binary['operator']>> = {
  Pow: '^',
  Mul: '*',
  Div: '/',
  Mod: '%',
  Atan2: 'atan2',
  Add: '+',
  Sub: '-',
  TrimUpper: '</',
  TrimLower: '>/',
  Eql: '==',
  Neq: '!=',
  Gte: '>=',
  Gtr: '>',
  Lte: '<=',
  Lss: '<',
  And: 'and',
  Unless: 'unless',
  Or: 'or'
}

/** https://prometheus.io/docs/prometheus/latest/querying/operators/#binary-operator-precedence */
function strength(operator: Binary['operator']): number {
  if (operator === 'or') return 1
  if (operator === 'and' || operator === 'unless') return 2
  if (isComparison(operator) || operator === '</' || operator === '>/') return 3
  if (operator === '+' || operator === '-') return 4
  return operator === '^' ? 6 : 5
}

/** Puts operands and operators together as their precedence wants it. `^` binds to the right, all others to the left. */
export function inOrder({ operands, operators }: Chain): Expr {
  const [first, ...rest] = operands
  if (first === undefined) throw new Error('a chain without operands')
  const values: Expr[] = [first]
  const waiting: Operator[] = []
  const join = (): void => {
    const right = values.pop()
    const left = values.pop()
    const operator = waiting.pop()
    if (left === undefined || right === undefined || operator === undefined) throw new Error('an operator without two sides')
    values.push({ ...operator, kind: 'binary', left, right, from: left.from, to: right.to })
  }
  for (const [index, operand] of rest.entries()) {
    const operator = operators[index]
    if (operator === undefined) throw new Error('two operands without an operator')
    while (binds(waiting.at(-1), operator)) join()
    waiting.push(operator)
    values.push(operand)
  }
  while (waiting.length > 0) join()
  return values[0] ?? first
}

/** Whether the operator before takes the operand between the two. */
function binds(before: Operator | undefined, { operator }: Operator): boolean {
  if (before === undefined) return false
  const difference = strength(before.operator) - strength(operator)
  return difference > 0 || (difference === 0 && operator !== '^')
}
