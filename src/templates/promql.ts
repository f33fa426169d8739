import type { SyntaxNode } from '@lezer/common'
import { parser } from '@prometheus-io/lezer-promql'
import { parseDuration } from '../base/duration.ts'
import { type Hole, parseTemplate, type Rendered, renderTemplate, type Template, type TemplateValues } from './template.ts'

/** The place of a hole in a query, which is inside the quotes of one label matcher. */
interface Place {
  readonly quote: '"' | "'"
  readonly regex: boolean
}

export interface PromqlTemplate {
  readonly template: Template
  readonly places: ReadonlyMap<Hole, Place>
  /** The longest range selector, milliseconds; undefined where the text does not show it (recording rule, subquery, `offset`, `@`). */
  readonly window: number | undefined
  /** True where `@` fixes an instant: such a query says the same of every moment of the past (facts E.5). */
  readonly fixedInTime: boolean
  /** True where every selector names the suspect's pods, so that no other pod's numbers can come in. */
  readonly boundToPods: boolean
}

export interface PromqlError {
  readonly error: string
  readonly offset: number
}

/** Parses a query with Prometheus' own grammar and finds out what each hole may hold. */
export function parsePromqlTemplate(source: string): PromqlTemplate | PromqlError {
  const template = parseTemplate(source)
  if ('error' in template) return template
  // Each hole is replaced by a word of the same length, so that positions in the parse tree are positions in the source.
  let text = source
  for (const hole of template.holes) text = text.slice(0, hole.offset) + 'x'.repeat(hole.end - hole.offset) + text.slice(hole.end)
  if (text.trim() === '') return { error: 'the query is empty', offset: 0 }
  const tree = parser.parse(text)
  let broken: PromqlError | undefined
  tree.iterate({
    enter: node => {
      if (node.type.isError && broken === undefined) broken = { error: `not PromQL: ${near(source, node.from)}`, offset: node.from }
    }
  })
  if (broken !== undefined) return broken
  const places = new Map<Hole, Place>()
  for (const hole of template.holes) {
    const place = placeOf(tree.resolveInner(hole.offset, 1), text)
    if (typeof place === 'string') return { error: place, offset: hole.offset }
    if (isPods(hole) && !place.regex) return { error: '{{ target.pods }} is a regular expression: use it with =~', offset: hole.offset }
    places.set(hole, place)
  }
  return {
    template,
    places,
    ...selectorsOf(tree.topNode, text, template.holes.filter(isPods))
  }
}

function near(source: string, offset: number): string {
  const rest = source.slice(offset).trimStart()
  return rest === '' ? 'it ends too early' : `unexpected ${JSON.stringify(rest.slice(0, 20))}`
}

function placeOf(node: SyntaxNode, text: string): Place | string {
  const outside = 'a template may stand only inside the quotes of a label matcher, such as {namespace="{{ target.namespace }}"}'
  if (node.name !== 'StringLiteral') return outside
  const matcher = node.parent
  if (matcher === null || !['UnquotedLabelMatcher', 'QuotedLabelMatcher'].includes(matcher.name)) return outside
  if (matcher.lastChild?.from !== node.from) return outside
  const quote = text[node.from]
  if (quote !== '"' && quote !== "'") return 'a template cannot be escaped between back-quotes: use double quotes'
  const operator = matcher.getChild('MatchOp')
  const written = operator === null ? '=' : text.slice(operator.from, operator.to)
  return { quote, regex: written === '=~' || written === '!~' }
}

function isPods(hole: Hole): boolean {
  return hole.root === 'target' && hole.name === 'pods'
}

function selectorsOf(top: SyntaxNode, text: string, pods: readonly Hole[]): Pick<PromqlTemplate, 'window' | 'fixedInTime' | 'boundToPods'> {
  let longest = 0
  let unclear = false
  let fixedInTime = false
  let selectors = 0
  let bound = 0
  top.cursor().iterate(node => {
    if (node.name === 'VectorSelector') {
      selectors += 1
      if (pods.some(hole => hole.offset > node.from && hole.end < node.to)) bound += 1
    }
    if (['SubqueryExpr', 'OffsetExpr', 'StepInvariantExpr'].includes(node.name)) unclear = true
    if (node.name === 'StepInvariantExpr') fixedInTime = true
    // By convention a metric name with a colon is a recording rule, whose own window is written elsewhere.
    if (node.name === 'Identifier' && text.slice(node.from, node.to).includes(':')) unclear = true
    if (node.name === 'MatrixSelector') {
      const range = node.node.getChild('DurationExpr')
      const written = range === null ? undefined : parseDuration(text.slice(range.from, range.to))
      if (written === undefined) unclear = true
      else longest = Math.max(longest, written)
    }
  })
  return { window: unclear ? undefined : longest, fixedInTime, boundToPods: selectors > 0 && bound === selectors }
}

/** Characters with a meaning in RE2, as Go's `regexp.QuoteMeta` has them. */
export function quoteRegex(value: string): string {
  return value.replaceAll(/[\\.+*?()|[\]{}^$]/g, String.raw`\$&`)
}

function quoteString(value: string, quote: '"' | "'"): string {
  return value
    .replaceAll('\\', String.raw`\\`)
    .replaceAll(quote, `\\${quote}`)
    .replaceAll(/\p{Cc}/gu, char => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** How many parsed templates are kept. Each is parsed once for many runs; the limit is for those that reloads leave behind. */
const KEPT_TEMPLATES = 10_000
const parsedBefore = new Map<string, ReturnType<typeof parsePromqlTemplate>>()

function keep(source: string): ReturnType<typeof parsePromqlTemplate> {
  if (parsedBefore.size >= KEPT_TEMPLATES) parsedBefore.clear()
  const parsed = parsePromqlTemplate(source)
  parsedBefore.set(source, parsed)
  return parsed
}

/**
 * Renders a query. A value stays inside its quotes, and inside `=~` it matches only itself. The exception is `{{ target.pods }}`,
 * which is a regular expression that Astern made.
 */
export function renderPromql(source: string, values: TemplateValues): Rendered {
  const parsed = parsedBefore.get(source) ?? keep(source)
  if ('error' in parsed) throw new Error(`template was not checked at load: ${parsed.error}`)
  return renderTemplate(parsed.template, values, (value, hole) => {
    const place = parsed.places.get(hole)
    if (place === undefined) throw new Error('a hole without a place')
    // A lone surrogate has no UTF-8 form, so Prometheus cannot have sent it.
    if (!value.isWellFormed()) return { unsafe: 'it is not valid Unicode' }
    return { text: quoteString(place.regex && !isPods(hole) ? quoteRegex(value) : value, place.quote) }
  })
}

/** The query for the age in seconds of the newest sample behind a rendered query; undefined where it selects nothing. */
export function ageQuery(promql: string): string | undefined {
  const selectors = new Set<string>()
  parser.parse(promql).iterate({
    enter: node => {
      if (node.name === 'VectorSelector') selectors.add(promql.slice(node.from, node.to))
    }
  })
  if (selectors.size === 0) return undefined
  return `time() - max(${[...selectors].map(selector => `timestamp(${selector})`).join(' or ')})`
}
