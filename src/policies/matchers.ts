import { RE2JS } from 're2js'

/** Alertmanager's matcher. An absent label counts as the empty value; regular expressions are RE2, and match the whole value. */
export interface Matcher {
  readonly name: string
  readonly operator: '=' | '!=' | '=~' | '!~'
  readonly value: string
  readonly source: string
  matches(value: string): boolean
}

// What Alertmanager's UTF-8 parser takes as a label name without quotes: anything but its reserved characters.
const MATCHER = /^\s*(?:"((?:[^"\\]|\\.)*)"|([^{}!=~,\\"'`\s]+))\s*(=~|!~|!=|=)\s*(?:"((?:[^"\\]|\\.)*)"|([^{}!=~,\\"'`\s]+))\s*$/s
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', '"': '"', '\\': '\\' }

/** Parses `name="value"`, or several in braces. @returns the matchers, or a sentence that says what is wrong. */
export function parseMatchers(source: string): readonly Matcher[] | { readonly error: string } {
  const inner = source.trim()
  const braced = inner.startsWith('{') && inner.endsWith('}')
  const parts = splitAtCommas(braced ? inner.slice(1, -1) : inner)
  const matchers: Matcher[] = []
  for (const part of parts) {
    const parsed = parseMatcher(part)
    if ('error' in parsed) return parsed
    matchers.push(parsed)
  }
  return matchers.length === 0 ? { error: 'an empty matcher would match every alert: write alertname="…"' } : matchers
}

function parseMatcher(source: string): Matcher | { readonly error: string } {
  const found = MATCHER.exec(source)
  if (found === null) return { error: `${JSON.stringify(source.trim())} is not a matcher: write name="value", or with != =~ !~` }
  const name = unquote(found[1] ?? found[2] ?? '')
  const value = unquote(found[4] ?? found[5] ?? '')
  const operator = found[3]
  switch (operator) {
    case '=':
      return { name, operator, value, source, matches: actual => actual === value }
    case '!=':
      return { name, operator, value, source, matches: actual => actual !== value }
    case '=~':
    case '!~': {
      try {
        const regex = RE2JS.compile(value, RE2JS.DOTALL)
        return { name, operator, value, source, matches: actual => regex.matches(actual) === (operator === '=~') }
      } catch (cause) {
        return {
          error: `${JSON.stringify(value)} is not an RE2 regular expression: ${cause instanceof Error ? cause.message : String(cause)}`
        }
      }
    }
    default:
      return { error: `${JSON.stringify(source.trim())} is not a matcher` }
  }
}

function unquote(text: string): string {
  return text.replaceAll(/\\(.)/gs, (whole, char: string) => ESCAPES[char] ?? whole)
}

function splitAtCommas(text: string): string[] {
  const parts: string[] = []
  let part = ''
  let quoted = false
  for (let index = 0; index < text.length; index += 1) {
    const char = text.charAt(index)
    if (char === '\\' && quoted) {
      part += char + text.charAt(index + 1)
      index += 1
      continue
    }
    if (char === '"') quoted = !quoted
    if (char === ',' && !quoted) {
      parts.push(part)
      part = ''
    } else part += char
  }
  parts.push(part)
  return parts.filter((piece, index) => piece.trim() !== '' || index < parts.length - 1)
}

/** The alertnames that a list of matchers can match, where the matchers list them; undefined where it may be any name. */
export function alertnamesOf(matchers: readonly Matcher[]): readonly string[] | undefined {
  for (const matcher of matchers) {
    if (matcher.name !== 'alertname') continue
    if (matcher.operator === '=') return [matcher.value]
    if (matcher.operator === '=~' && /^[A-Za-z0-9_ -]+(\|[A-Za-z0-9_ -]+)*$/.test(matcher.value)) return matcher.value.split('|')
  }
  return undefined
}
