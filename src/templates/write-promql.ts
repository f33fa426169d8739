import { formatDuration } from '../base/duration.ts'
import type { MatchOperator } from '../promql/ast.ts'
import { quoteString } from './promql.ts'
import { parseTemplate } from './template.ts'

/** One matcher. Its value may have template holes, which are filled and escaped when the query is rendered. */
export interface MatcherParts {
  readonly label: string
  readonly operator: MatchOperator
  readonly value: string
}

/** A query that code puts together. Names and values go into the text only through `writePromql`, which quotes them. */
export type QueryParts =
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'selector'; readonly metric: string; readonly matchers: readonly MatcherParts[]; readonly range?: number }
  | { readonly kind: 'call'; readonly name: string; readonly args: readonly QueryParts[] }
  | { readonly kind: 'aggregation'; readonly operator: 'sum' | 'max' | 'count'; readonly by?: readonly string[]; readonly of: QueryParts }
  | { readonly kind: 'binary'; readonly operator: '+' | '-' | '*' | '/' | 'or'; readonly left: QueryParts; readonly right: QueryParts }

/** The text of a query that was put together. It is valid for Prometheus 2 too, unless a name has characters that only 3 takes. */
export function writePromql(query: QueryParts): string {
  switch (query.kind) {
    case 'number':
      return String(query.value)
    case 'selector':
      return selectorText(query)
    case 'call':
      return `${query.name}(${query.args.map(writePromql).join(', ')})`
    case 'aggregation':
      return `${query.operator}${query.by === undefined ? '' : ` by (${query.by.map(nameText).join(', ')}) `}(${writePromql(query.of)})`
    case 'binary':
      return `${operandText(query.left)} ${query.operator} ${operandText(query.right)}`
  }
}

/** Every operation inside another one stands in parentheses, so that no precedence has to be known. */
function operandText(query: QueryParts): string {
  return query.kind === 'binary' ? `(${writePromql(query)})` : writePromql(query)
}

function selectorText({ metric, matchers, range }: Extract<QueryParts, { kind: 'selector' }>): string {
  const texts = matchers.map(({ label, operator, value }) => `${nameText(label)}${operator}${valueText(value)}`)
  const braces = [...(isPlain(metric) ? [] : [nameText(metric)]), ...texts].join(', ')
  const window = range === undefined ? '' : `[${formatDuration(range)}]`
  return `${isPlain(metric) ? metric : ''}${braces === '' ? '' : `{${braces}}`}${window}`
}

/** Names that Prometheus took before version 3; any other stands in quotes. */
function isPlain(name: string): boolean {
  return /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name)
}

function nameText(name: string): string {
  return isPlain(name) ? name : `"${quoteString(name, '"')}"`
}

/** Holes stay as they are: the renderer escapes what comes into them. */
function valueText(value: string): string {
  const template = parseTemplate(value)
  // What is no template is refused when the query is parsed, where the place can be told.
  if ('error' in template) return `"${quoteString(value, '"')}"`
  const [first = '', ...texts] = template.texts.map(text => quoteString(text, '"'))
  const holes = template.holes.map(({ offset, end }, index) => value.slice(offset, end) + (texts[index] ?? ''))
  return `"${first}${holes.join('')}"`
}
