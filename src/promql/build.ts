import type { SyntaxNode } from '@lezer/common'
import type { Expr, Matcher, MatchOperator, Selector } from './ast.ts'
import { PromqlFault } from './fault.ts'
import { numberOf, rangeOf, unquote } from './literals.ts'
import { type Chain, inOrder, OPERATORS, type Operator } from './precedence.ts'

const MATCH_OPERATORS: Readonly<Record<string, MatchOperator>> = { EqlSingle: '=', Neq: '!=', EqlRegex: '=~', NeqRegex: '!~' }

/** The expression that a node of the parse tree stands for. Throws a `PromqlFault` for what the grammar lets through and Prometheus does not. */
export function exprOf(node: SyntaxNode, text: string): Expr {
  const { from, to } = node
  const written = text.slice(from, to)
  switch (node.name) {
    case 'NumberDurationLiteral':
      return { kind: 'number', value: valueIn(written, from), from, to }
    case 'StringLiteral':
      return { kind: 'string', value: stringOf(node, text), from, to }
    case 'VectorSelector':
      return selectorOf(node, text)
    case 'ParenExpr':
      return { kind: 'paren', of: exprOf(firstChild(node), text), from, to }
    case 'UnaryExpr':
      return { kind: 'unary', negative: written.startsWith('-'), of: exprOf(lastChild(node), text), from, to }
    case 'MatrixSelector':
    case 'SubqueryExpr':
    case 'OffsetExpr':
    case 'StepInvariantExpr':
    case 'AnchoredExpr':
    case 'SmoothedExpr':
    case 'BinaryExpr':
      return inOrder(flattened(node, text))
    case 'FunctionCall': {
      const name = node.getChild('FunctionIdentifier')
      return { kind: 'call', name: name === null ? '' : text.slice(name.from, name.to), args: argumentsOf(node, text), from, to }
    }
    case 'AggregateExpr':
      return aggregationOf(node, text)
    default:
      throw new PromqlFault(`not PromQL: ${JSON.stringify(written.slice(0, 20))}`, from)
  }
}

function valueIn(written: string, from: number): number {
  const value = numberOf(written)
  if (value === undefined || (!Number.isFinite(value) && /^[-+]?\s*\d/.test(written))) throw new PromqlFault('not a number that fits', from)
  return value
}

function firstChild(node: SyntaxNode): SyntaxNode {
  return childrenOfNode(node)[0] ?? missing(node)
}

function lastChild(node: SyntaxNode): SyntaxNode {
  return childrenOfNode(node).at(-1) ?? missing(node)
}

function missing(node: SyntaxNode): never {
  throw new PromqlFault('not PromQL: something is missing', node.from)
}

/** Comments may stand anywhere, and are no part of an expression. */
function childrenOfNode(node: SyntaxNode): SyntaxNode[] {
  const children: SyntaxNode[] = []
  for (let child = node.firstChild; child !== null; child = child.nextSibling) if (child.name !== 'LineComment') children.push(child)
  return children
}

function stringOf(node: SyntaxNode, text: string): string {
  const read = unquote(text.slice(node.from, node.to))
  if ('error' in read) throw new PromqlFault(read.error, node.from + read.offset)
  return read.value
}

function selectorOf(node: SyntaxNode, text: string): Selector {
  const outside = node.getChild('Identifier')
  let written = outside === null ? undefined : text.slice(outside.from, outside.to)
  const matchers: Matcher[] = []
  const braces = node.getChild('LabelMatchers')
  for (const child of braces === null ? [] : childrenOfNode(braces)) {
    if (child.name === 'QuotedLabelName') {
      if (written !== undefined) throw new PromqlFault('the name of the metric stands there twice', child.from)
      written = stringOf(firstChild(child), text)
      continue
    }
    matchers.push(matcherOf(child, text))
  }
  if (outside !== null && matchers.some(matcher => matcher.label === '__name__'))
    throw new PromqlFault('the name of the metric stands there twice', node.from)
  return { kind: 'selector', written, matchers, from: node.from, to: node.to }
}

function matcherOf(node: SyntaxNode, text: string): Matcher {
  const [label, sign, value] = childrenOfNode(node)
  if (label === undefined || sign === undefined || value === undefined)
    throw new PromqlFault('not PromQL: a matcher is not whole', node.from)
  return {
    label: label.name === 'QuotedLabelName' ? stringOf(firstChild(label), text) : text.slice(label.from, label.to),
    operator: MATCH_OPERATORS[firstChild(sign).name] ?? '=',
    value: stringOf(value, text),
    literal: { from: value.from, to: value.to }
  }
}

function argumentsOf(node: SyntaxNode, text: string): Expr[] {
  const body = node.getChild('FunctionCallBody')
  return body === null ? [] : childrenOfNode(body).map(child => exprOf(child, text))
}

function aggregationOf(node: SyntaxNode, text: string): Expr {
  const operator = node.getChild('AggregateOp')
  const modifier = node.getChild('AggregateModifier')
  const labels = modifier === null ? [] : labelsOf(modifier, text)
  return {
    kind: 'aggregation',
    operator: operator === null ? '' : text.slice(operator.from, operator.to).toLowerCase(),
    by: modifier === null || modifier.getChild('By') !== null ? labels : undefined,
    args: argumentsOf(node, text),
    from: node.from,
    to: node.to
  }
}

function labelsOf(modifier: SyntaxNode, text: string): string[] {
  const labels = modifier.getChild('GroupingLabels')
  return labels === null ? [] : labelNames(labels, text)
}

function labelNames(labels: SyntaxNode, text: string): string[] {
  return childrenOfNode(labels).map(label =>
    label.name === 'QuotedLabelName' ? stringOf(firstChild(label), text) : text.slice(label.from, label.to)
  )
}

/**
 * The grammar gives a modifier behind `a - b` to both, where Prometheus gives it to `b` alone, and what follows then hangs on the wrong side.
 * So operands and operators are taken apart, and put in order anew.
 */
function flattened(node: SyntaxNode, text: string): Chain {
  if (node.name === 'BinaryExpr') {
    const { left, right, operator } = operatorOf(node, text)
    const before = flattened(left, text)
    const behind = flattened(right, text)
    return { operands: [...before.operands, ...behind.operands], operators: [...before.operators, operator, ...behind.operators] }
  }
  const modify = modifierOf(node, text)
  if (modify === undefined) return { operands: [exprOf(node, text)], operators: [] }
  const { operands, operators } = flattened(firstChild(node), text)
  return {
    operands: operands.map((operand, index) => (index === operands.length - 1 ? withModifier(operand, modify) : operand)),
    operators
  }
}

function withModifier(expr: Expr, modify: (of: Expr) => Expr): Expr {
  if (expr.kind !== 'unary') return modify(expr)
  const of = withModifier(expr.of, modify)
  return { ...expr, of, to: of.to }
}

function modifierOf(node: SyntaxNode, text: string): ((of: Expr) => Expr) | undefined {
  const { to } = node
  switch (node.name) {
    case 'MatrixSelector':
    case 'SubqueryExpr': {
      const kind = node.name === 'MatrixSelector' ? 'range' : 'subquery'
      const written = node.getChild('DurationExpr')
      const range = written === null ? undefined : rangeOf(text.slice(written.from, written.to))
      return of => ({ kind, of, range, from: of.from, to })
    }
    case 'OffsetExpr':
      return of => ({ kind: 'offset', of, from: of.from, to })
    case 'StepInvariantExpr':
      return of => ({ kind: 'at', of, from: of.from, to })
    case 'AnchoredExpr':
    case 'SmoothedExpr':
      return of => ({ kind: 'extended', of, from: of.from, to })
    default:
      return undefined
  }
}

function operatorOf(
  node: SyntaxNode,
  text: string
): { readonly left: SyntaxNode; readonly right: SyntaxNode; readonly operator: Operator } {
  const children = childrenOfNode(node)
  const left = children[0]
  const right = children.at(-1)
  const sign = children.find(child => OPERATORS[child.name] !== undefined)
  const operator = OPERATORS[sign?.name ?? '']
  if (left === undefined || sign === undefined || right === undefined || operator === undefined)
    throw new PromqlFault('not PromQL: an operator without two sides', node.from)
  const clause = node.getChild('MatchingModifierClause')
  const [on = [], included = []] = clause === null ? [] : clause.getChildren('GroupingLabels').map(labels => labelNames(labels, text))
  if (clause !== null && clause.getChild('On') !== null && on.some(label => included.includes(label)))
    throw new PromqlFault('a label stands in on() and in group_left() or group_right() at once', clause.from)
  return {
    left,
    right,
    operator: {
      operator,
      sign: { from: sign.from, to: sign.to },
      bool: node.getChild('BoolModifier') !== null,
      matching: on.length > 0,
      grouping: clause !== null && (clause.getChild('GroupLeft') !== null || clause.getChild('GroupRight') !== null),
      fills: node.getChild('FillModifier') !== null
    }
  }
}
