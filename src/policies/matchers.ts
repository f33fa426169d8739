import { RE2JS } from 're2js'
import { nameOf, readingsOf, splitMatchers, type WrittenMatcher } from './matcher-text.ts'

/**
 * Alertmanager's matcher. An absent label counts as the empty value; regular expressions are RE2, and match the whole value. Where
 * Alertmanager's two parsers read the value differently, either reading counts: a positive matcher holds by one, a negative by both.
 */
export interface Matcher {
  readonly name: string
  readonly operator: '=' | '!=' | '=~' | '!~'
  /** What the value means: mostly one text. */
  readonly readings: readonly string[]
  readonly source: string
  matches(value: string): boolean
}

/** Parses `name="value"`, or several in braces. @returns the matchers, or a sentence that says what is wrong. */
export function parseMatchers(source: string): readonly Matcher[] | { readonly error: string } {
  const written = splitMatchers(source)
  if ('rest' in written) return { error: `${JSON.stringify(written.rest)} is not a matcher: write name="value", or with != =~ !~` }
  const matchers: Matcher[] = []
  for (const one of written) {
    const parsed = parseMatcher(one)
    if ('error' in parsed) return parsed
    matchers.push(parsed)
  }
  return matchers.length === 0 ? { error: 'an empty matcher would match every alert: write alertname="…"' } : matchers
}

function parseMatcher(written: WrittenMatcher): Matcher | { readonly error: string } {
  const { operator, source } = written
  const name = nameOf(written)
  const readings = readingsOf(written)
  if (name === undefined || name === '' || readings.length === 0)
    return { error: `${JSON.stringify(source.trim())} is not a matcher: what stands in its quotes has no meaning for Alertmanager` }
  switch (operator) {
    case '=':
      return { name, operator, readings, source, matches: actual => readings.includes(actual) }
    case '!=':
      return { name, operator, readings, source, matches: actual => !readings.includes(actual) }
    case '=~':
    case '!~': {
      const compiled = readings.map(compileWhole)
      const good = compiled.filter(regex => regex instanceof RE2JS)
      const [wrong] = compiled.filter(regex => typeof regex === 'string')
      // One parser refuses what the other one can read: then only that reading is left.
      if (good.length === 0) return { error: `${JSON.stringify(readings[0])} is not an RE2 regular expression: ${wrong}` }
      const matches = (actual: string): boolean => good.some(regex => regex.matches(actual)) === (operator === '=~')
      return { name, operator, readings, source, matches }
    }
  }
}

/** @returns the expression, or what is wrong with it */
function compileWhole(text: string): RE2JS | string {
  try {
    // As in Alertmanager, a dot is no end of a line.
    return RE2JS.compile(text)
  } catch (cause) {
    return cause instanceof Error ? cause.message : String(cause)
  }
}

/** The alertnames that a list of matchers can match, where the matchers list them; undefined where it may be any name. */
export function alertnamesOf(matchers: readonly Matcher[]): readonly string[] | undefined {
  for (const matcher of matchers) {
    if (matcher.name !== 'alertname') continue
    if (matcher.operator === '=') return matcher.readings
    const [pattern = '', ...more] = matcher.readings
    if (matcher.operator === '=~' && more.length === 0 && /^[A-Za-z0-9_ -]+(\|[A-Za-z0-9_ -]+)*$/.test(pattern)) return pattern.split('|')
  }
  return undefined
}
