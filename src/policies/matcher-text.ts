/** A name or a value as it stands in a matcher. */
export interface Word {
  readonly quoted: boolean
  /** What stands between the quotes, or the word itself. */
  readonly raw: string
}

export interface WrittenMatcher {
  readonly name: Word
  readonly operator: '=' | '!=' | '=~' | '!~'
  readonly value: Word
  /** The matcher as it is written. */
  readonly source: string
}

/** Go's white space, by which Alertmanager's parser ends a word. */
const SPACE = String.raw`[\t\n\v\f\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]`
const WORD = String.raw`(?:"((?:[^"\\]|\\[^])*)"|([^\t\n\v\f\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000{}!=~,\\"'${'`'}]+))`
const MATCHER = new RegExp(`${SPACE}*${WORD}${SPACE}*(=~|!~|!=|=)${SPACE}*${WORD}${SPACE}*`, 'y')
const COMMA = new RegExp(`,${SPACE}*`, 'y')
const OPERATORS = ['=', '!=', '=~', '!~'] as const

/**
 * Takes a list of matchers apart as Alertmanager's UTF-8 parser does: braces around all or around none, commas between, one may end
 * it. @returns the matchers, or the part that is none
 */
export function splitMatchers(text: string): readonly WrittenMatcher[] | { readonly rest: string } {
  const trimmed = text.trim()
  const braced = trimmed.startsWith('{') && trimmed.endsWith('}')
  const inner = braced ? trimmed.slice(1, -1).trim() : trimmed
  const matchers: WrittenMatcher[] = []
  let at = 0
  while (at < inner.length) {
    MATCHER.lastIndex = at
    const found = MATCHER.exec(inner)
    const operator = OPERATORS.find(known => known === found?.[3])
    if (found === null || operator === undefined) return { rest: inner.slice(at).trim() }
    matchers.push({ name: word(found[1], found[2]), operator, value: word(found[4], found[5]), source: found[0] })
    at = MATCHER.lastIndex
    if (at === inner.length) break
    COMMA.lastIndex = at
    const comma = COMMA.exec(inner)
    if (comma === null) return { rest: inner.slice(at).trim() }
    at += comma[0].length
  }
  return matchers
}

function word(quoted: string | undefined, plain: string | undefined): Word {
  return quoted === undefined ? { quoted: false, raw: plain ?? '' } : { quoted: true, raw: quoted }
}

/** The only names that the classic parser knows. */
const CLASSIC_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/

/** The name as both parsers read it, or undefined where neither can. Only the UTF-8 parser knows quoted names. */
export function nameOf({ name }: WrittenMatcher): string | undefined {
  return name.quoted ? utf8Reading(name.raw) : name.raw
}

/**
 * What a value means: two readings where Alertmanager's two parsers do not agree, none where neither can read it. `"caf\u00e9"` is
 * café for the UTF-8 parser, and has a backslash in it for the classic one.
 */
export function readingsOf({ name, value }: WrittenMatcher): readonly string[] {
  if (!value.quoted) return [value.raw]
  const classic = !name.quoted && CLASSIC_NAME.test(name.raw) ? classicReading(value.raw) : undefined
  const readings = [utf8Reading(value.raw), classic].filter(reading => reading !== undefined)
  return [...new Set(readings)]
}

/** OpenMetrics' three escapes; any other backslash is one. */
function classicReading(raw: string): string | undefined {
  if (!raw.isWellFormed()) return undefined
  return raw.replaceAll(/\\([n"\\])/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped))
}

const GO_ESCAPES: Readonly<Record<string, number>> = { a: 7, b: 8, f: 12, n: 10, r: 13, t: 9, v: 11, '\\': 92, '"': 34 }
const GO_ESCAPE = /^\\(?:x([0-9a-fA-F]{2})|([0-7]{3})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([abfnrtv\\"]))/

/** A Go string in double quotes (`strconv.Unquote`), whose bytes must be UTF-8; undefined for anything else. */
function utf8Reading(raw: string): string | undefined {
  if (raw.includes('\n') || !raw.isWellFormed()) return undefined
  const bytes: number[] = []
  let rest = raw
  while (rest !== '') {
    if (!rest.startsWith('\\')) {
      const plain = /^[^\\]+/.exec(rest)?.[0] ?? ''
      bytes.push(...Buffer.from(plain, 'utf8'))
      rest = rest.slice(plain.length)
      continue
    }
    const found = GO_ESCAPE.exec(rest)
    const escaped = found === null ? undefined : bytesOf(found)
    if (found === null || escaped === undefined) return undefined
    bytes.push(...escaped)
    rest = rest.slice(found[0].length)
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(bytes))
  } catch {
    return undefined
  }
}

function bytesOf([, hex, octal, short, long, letter]: RegExpExecArray): readonly number[] | undefined {
  if (letter !== undefined) return [GO_ESCAPES[letter] ?? 0]
  if (hex !== undefined) return [Number.parseInt(hex, 16)]
  if (octal !== undefined) return Number.parseInt(octal, 8) > 255 ? undefined : [Number.parseInt(octal, 8)]
  const point = Number.parseInt(short ?? long ?? '', 16)
  // A half of a pair of UTF-16 is no character.
  return point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff) ? undefined : [...Buffer.from(String.fromCodePoint(point), 'utf8')]
}
