import { parsePromqlTemplate, quoteRegex } from '../templates/promql.ts'
import type { Hole } from '../templates/template.ts'

export interface OpenQuery {
  readonly promql: string
  /** The holes that nobody filled, such as `labels.namespace`. Anything stands in their place. */
  readonly open: readonly string[]
}

/**
 * A query that can be asked without an alert: holes that have a value are filled, and a matcher with any other hole takes any value.
 * @param known the value of a hole, where it is known
 */
export function openQuery(source: string, known: (hole: Hole) => string | undefined): OpenQuery {
  const parsed = parsePromqlTemplate(source)
  if ('error' in parsed) throw new Error(`query was not checked at load: ${parsed.error}`)
  const { holes } = parsed.template
  const open: string[] = []
  let promql = source
  // From the last to the first, so that the places of the others stay what they are.
  for (const literal of literalsOf(source, holes).reverse()) {
    const values = new Map(literal.holes.map(hole => [hole, known(hole)]))
    const unknown = literal.holes.filter(hole => (values.get(hole) ?? '') === '')
    open.unshift(...unknown.map(hole => `${hole.root}.${hole.name}`))
    const matcher = unknown.length === 0 ? filled(source, literal, values) : anything(source, literal, values)
    promql = promql.slice(0, literal.from) + matcher + promql.slice(literal.to)
  }
  return { promql, open: [...new Set(open)] }
}

/** An operator and its quoted value, with the holes in it. */
interface Literal {
  /** Where the operator begins. */
  readonly from: number
  /** Where the value begins, behind its quote. */
  readonly inside: number
  /** Where the value ends, before its quote. */
  readonly end: number
  readonly to: number
  readonly operator: string
  readonly holes: readonly Hole[]
}

/** Comments and all quoted texts, so that a quote inside of one begins none; before a matcher's value stands its operator. */
const TEXTS = /#[^\n]*|(?:(=~|!~|!=|=)(\s*))?("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`)/gs

function literalsOf(source: string, holes: readonly Hole[]): Literal[] {
  const literals: Literal[] = []
  for (const found of source.matchAll(TEXTS)) {
    const [whole, operator, space = '', quoted = ''] = found
    if (operator === undefined) continue
    const from = found.index
    const inside = from + operator.length + space.length + 1
    const end = inside + quoted.length - 2
    const own = holes.filter(hole => hole.offset >= inside && hole.end <= end)
    if (own.length > 0) literals.push({ from, inside, end, to: from + whole.length, operator, holes: own })
  }
  return literals
}

type Values = ReadonlyMap<Hole, string | undefined>

function filled(source: string, literal: Literal, values: Values): string {
  const regex = literal.operator.endsWith('~')
  return `${literal.operator}${quote(partsOf(source, literal, values, value => (regex ? quoteRegex(value) : value)))}`
}

/** One that excludes a value excludes nothing while the value is not known. */
function anything(source: string, literal: Literal, values: Values): string {
  if (literal.operator.startsWith('!')) return '=~".*"'
  const regex = literal.operator === '=~'
  const parts = partsOf(source, literal, values, value => quoteRegex(value)).map(part =>
    part === undefined ? '.+' : regex || part.known ? part.text : quoteRegex(part.text)
  )
  return `=~"${parts.map(inString).join('')}"`
}

type Part = { readonly text: string; readonly known: boolean } | undefined

/** The texts and values of a literal in their order; undefined stands for a hole without a value. */
function partsOf(source: string, { inside, end, holes }: Literal, values: Values, safe: (value: string) => string): readonly Part[] {
  const parts: Part[] = []
  let at = inside
  for (const hole of holes) {
    parts.push({ text: unescaped(source.slice(at, hole.offset)), known: false })
    const value = values.get(hole)
    parts.push(value === undefined || value === '' ? undefined : { text: safe(value), known: true })
    at = hole.end
  }
  parts.push({ text: unescaped(source.slice(at, end)), known: false })
  return parts
}

/** The text behind the escapes that people write in queries. Others stay as they are. */
function unescaped(text: string): string {
  return text.replaceAll(/\\(["'\\])/g, '$1')
}

function quote(parts: readonly Part[]): string {
  return `"${parts.map(part => inString(part?.text ?? '')).join('')}"`
}

function inString(text: string): string {
  return JSON.stringify(text).slice(1, -1)
}
