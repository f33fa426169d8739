import type { Expr, Matcher } from '../promql/ast.ts'
import { everyPart } from '../promql/ast.ts'
import { type PromqlError, parsePromql } from '../promql/parse.ts'
import { selectorsOf, windowOf } from '../promql/selectors.ts'
import { type Hole, parseTemplate, type Rendered, renderTemplate, type Template, type TemplateValues } from './template.ts'

/** The place of a hole in a query, which is inside the quotes of one label matcher. */
interface Place {
  readonly quote: '"' | "'"
  readonly regex: boolean
}

export interface PromqlTemplate {
  readonly template: Template
  readonly places: ReadonlyMap<Hole, Place>
  /** The query with a word in place of each hole. Its positions are positions in the source. */
  readonly expr: Expr
  /** The longest range selector, milliseconds; undefined where the text does not show it. */
  readonly window: number | undefined
  /** True where `@` fixes an instant: such a query says the same of every moment of the past (facts E.5). */
  readonly fixedInTime: boolean
  /** True where every selector names the suspect's pods, so that no other pod's numbers can come in. */
  readonly boundToPods: boolean
}

/** Parses a query with Prometheus' own grammar and finds out what each hole may hold. */
export function parsePromqlTemplate(source: string): PromqlTemplate | PromqlError {
  const template = parseTemplate(source)
  if ('error' in template) return template
  // Each hole is replaced by a word of the same length, so that positions in the parse tree are positions in the source.
  let text = source
  for (const hole of template.holes) text = text.slice(0, hole.offset) + 'x'.repeat(hole.end - hole.offset) + text.slice(hole.end)
  const expr = parsePromql(text, source)
  if ('error' in expr) return expr
  const selectors = selectorsOf(expr)
  const matchers = selectors.flatMap(selector => selector.matchers)
  const places = new Map<Hole, Place>()
  for (const hole of template.holes) {
    const place = placeOf(
      matchers.find(matcher => isInside(hole, matcher.literal)),
      text
    )
    if (typeof place === 'string') return { error: place, offset: hole.offset }
    if (isPods(hole) && !place.regex) return { error: '{{ target.pods }} is a regular expression: use it with =~', offset: hole.offset }
    places.set(hole, place)
  }
  const pods = template.holes.filter(isPods)
  return {
    template,
    places,
    expr,
    window: windowOf(expr, literal => template.holes.some(hole => isInside(hole, literal))),
    fixedInTime: everyPart(expr).some(part => part.kind === 'at'),
    boundToPods: selectors.length > 0 && selectors.every(selector => selector.matchers.some(matcher => namesPods(matcher, pods)))
  }
}

function isInside(hole: Hole, literal: Matcher['literal']): boolean {
  return hole.offset > literal.from && hole.end < literal.to
}

function placeOf(matcher: Matcher | undefined, text: string): Place | string {
  if (matcher === undefined)
    return 'a template may stand only inside the quotes of a label matcher, such as {namespace="{{ target.namespace }}"}'
  const quote = text[matcher.literal.from]
  if (quote !== '"' && quote !== "'") return 'a template cannot be escaped between back-quotes: use double quotes'
  return { quote, regex: matcher.operator === '=~' || matcher.operator === '!~' }
}

function isPods(hole: Hole): boolean {
  return hole.root === 'target' && hole.name === 'pods'
}

/** Whether a matcher lets the suspect's pods through, and nothing else. */
function namesPods({ operator, literal }: Matcher, pods: readonly Hole[]): boolean {
  return operator === '=~' && pods.some(hole => hole.offset === literal.from + 1 && hole.end === literal.to - 1)
}

/** Characters with a meaning in RE2, as Go's `regexp.QuoteMeta` has them. */
export function quoteRegex(value: string): string {
  return value.replaceAll(/[\\.+*?()|[\]{}^$]/g, String.raw`\$&`)
}

/** Makes a text safe between these quotes, as Go’s strings have them. */
export function quoteString(value: string, quote: '"' | "'"): string {
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
