import { RE2JS } from 're2js'

/** So many expressions are kept, and so many values of each: statuses are few. */
const KEPT = 1_000
const expressions = new Map<string, { readonly regex: RE2JS; readonly known: Map<string, boolean> }>()

/** Whether a label’s value matches a regular expression as Prometheus matches it: the whole of it. @throws Error for what is none */
export function matchesLabel(expression: string, value: string): boolean {
  let one = expressions.get(expression)
  if (one === undefined) {
    if (expressions.size >= KEPT) expressions.clear()
    one = { regex: RE2JS.compile(expression, RE2JS.DOTALL), known: new Map() }
    expressions.set(expression, one)
  }
  const known = one.known.get(value)
  if (known !== undefined) return known
  if (one.known.size >= KEPT) one.known.clear()
  const matches = one.regex.matches(value)
  one.known.set(value, matches)
  return matches
}
