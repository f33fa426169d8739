import { parseDuration } from '../base/duration.ts'

const SIMPLE: Readonly<Record<string, string>> = {
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\'
}
/** The escapes that write a character's number: their letter, their digits, and the greatest number that they may write. */
const NUMBERED = [
  { form: /^x([0-9a-fA-F]{2})/, base: 16, most: 0xff, bytes: true },
  { form: /^u([0-9a-fA-F]{4})/, base: 16, most: 0x10_ffff, bytes: false },
  { form: /^U([0-9a-fA-F]{8})/, base: 16, most: 0x10_ffff, bytes: false },
  { form: /^([0-7]{3})/, base: 8, most: 0xff, bytes: true }
] as const

export type Unquoted = { readonly value: string } | { readonly error: string; readonly offset: number }

/**
 * Reads a quoted text as Prometheus' lexer does. It refuses the escapes that Prometheus refuses.
 * @returns the text, or a sentence and how many characters into the literal the fault stands
 */
export function unquote(literal: string): Unquoted {
  const quote = literal[0] ?? ''
  if (literal.length < 2 || literal.at(-1) !== quote) return { error: 'the quotes are not closed', offset: 0 }
  const inside = literal.slice(1, -1)
  if (quote === '`') return { value: inside }
  const bytes: number[] = []
  const encoder = new TextEncoder()
  for (let at = 0; at < inside.length; ) {
    const char = String.fromCodePoint(inside.codePointAt(at) ?? 0)
    if (char === '\n') return { error: 'a line ends inside quotes: use back-quotes, or \\n', offset: at + 1 }
    if (char !== '\\') {
      bytes.push(...encoder.encode(char))
      at += char.length
      continue
    }
    const escaped = escapeAt(inside.slice(at + 1), quote)
    if ('error' in escaped) return { error: escaped.error, offset: at + 1 }
    bytes.push(...escaped.bytes)
    at += 1 + escaped.length
  }
  return { value: new TextDecoder().decode(Uint8Array.from(bytes)) }
}

function escapeAt(rest: string, quote: string): { readonly bytes: Iterable<number>; readonly length: number } | { readonly error: string } {
  const letter = rest === '' ? '' : String.fromCodePoint(rest.codePointAt(0) ?? 0)
  const simple = letter === quote ? letter : SIMPLE[letter]
  if (simple !== undefined) return { bytes: new TextEncoder().encode(simple), length: 1 }
  for (const { form, base, most, bytes } of NUMBERED) {
    const found = form.exec(rest)
    if (found === null) continue
    const code = Number.parseInt(found[1] ?? '', base)
    if (code > most || (code >= 0xd800 && code < 0xe000)) return { error: `\\${found[0]} is no character` }
    return { bytes: bytes ? [code] : new TextEncoder().encode(String.fromCodePoint(code)), length: found[0].length }
  }
  const doubled = /^[xuU0-7]/.test(letter) ? '' : `; for a regular expression write \\\\${letter}`
  return { error: `Prometheus knows no escape \\${letter}${doubled}` }
}

/** The value of a number as PromQL writes it (`1_000`, `0x1f`, `1e3`, `Inf`, `5m` in seconds); undefined for anything else. */
export function numberOf(written: string): number | undefined {
  const negative = written.startsWith('-')
  const text = written
    .replace(/^[-+]\s*/, '')
    .replaceAll('_', '')
    .toLowerCase()
  const size = text === 'inf' ? Number.POSITIVE_INFINITY : text === 'nan' ? Number.NaN : plain(text)
  return size === undefined ? undefined : negative ? -size : size
}

function plain(text: string): number | undefined {
  const duration = parseDuration(text)
  if (duration !== undefined) return duration / 1_000
  // Prometheus reads `010` as Go does: octal.
  const value = /^0[0-7]+$/.test(text) ? Number.parseInt(text, 8) : Number(text)
  return text === '' || Number.isNaN(value) ? undefined : value
}

/** Milliseconds of a range as PromQL writes it (`5m`, or `300` seconds); undefined where it is computed. */
export function rangeOf(written: string): number | undefined {
  const seconds = numberOf(written)
  return seconds === undefined || !Number.isFinite(seconds) ? undefined : Math.round(seconds * 1_000)
}
