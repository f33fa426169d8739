import type { Labels } from '../sequential/counting/scrape.ts'

/** One line of a page of metrics: Prometheus' text 0.0.4 or OpenMetrics 1.0, which differ in nothing that is read here. */
export type SampleLine =
  | {
      readonly kind: 'sample'
      readonly name: string
      readonly labels: Labels
      readonly value: number
      /** What tells the series, as it is written. */
      readonly series: string
    }
  | { readonly kind: 'broken'; readonly why: string }

const NAME = /[a-zA-Z_:][a-zA-Z0-9_:]*/y
const LABEL = /[a-zA-Z_][a-zA-Z0-9_]*/y
const BLANKS = /[ \t]*/y
/** A value, and perhaps a timestamp. Behind `#` stands an exemplar, which is for traces. */
const VALUE = /([^ \t#]+)(?:[ \t]+([^ \t#]+))?[ \t]*(?:#.*)?$/y
const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/
const INFINITE = /^([+-]?)inf(?:inity)?$/i

class Broken extends Error {}

/** Reads a line that is no comment. */
export function readSample(line: string): SampleLine {
  const at = new Cursor(line)
  try {
    at.skip(BLANKS)
    let name = at.peek() === '{' ? undefined : at.take(NAME, 'a metric’s name')
    at.skip(BLANKS)
    const labels = new Map<string, string>()
    if (at.peek() === '{') name = readLabels(at, name, labels)
    if (name === undefined) throw new Broken('it names no metric')
    const series = line.slice(0, at.offset)
    const before = at.offset
    at.skip(BLANKS)
    if (at.offset === before && !series.endsWith('}') && !/[ \t]$/.test(series)) throw new Broken('no value follows')
    const [, value = '', timestamp] = at.match(VALUE) ?? []
    if (timestamp !== undefined && !DECIMAL.test(timestamp)) throw new Broken('its timestamp is no number')
    return { kind: 'sample', name, labels: Object.fromEntries([['__name__', name], ...labels]), value: readNumber(value), series }
  } catch (cause) {
    if (cause instanceof Broken) return { kind: 'broken', why: cause.message }
    throw cause
  }
}

/** The metric's name with which a line begins, without looking at the rest; empty where it has none. */
export function nameIn(line: string): string {
  NAME.lastIndex = 0
  const plain = NAME.exec(line)?.[0]
  if (plain !== undefined) return plain
  const quoted = /^[ \t]*\{[ \t]*"((?:[^"\\]|\\.)*)"[ \t]*[,}]/.exec(line)?.[1]
  return quoted === undefined ? (/^[ \t]*([a-zA-Z_:][a-zA-Z0-9_:]*)/.exec(line)?.[1] ?? '') : legacyName(unescaped(quoted))
}

/** A name of any characters, as those clients write it that may not use them. */
function legacyName(name: string): string {
  return name.replaceAll(/[^a-zA-Z0-9_:]/g, '_').replace(/^(?=\d)/, '_')
}

/** Reads labels between braces. A quoted text without a value is the metric's name. */
function readLabels(at: Cursor, named: string | undefined, labels: Map<string, string>): string | undefined {
  let name = named
  at.offset += 1
  for (;;) {
    at.skip(BLANKS)
    if (at.peek() === '}') {
      at.offset += 1
      return name
    }
    const isQuoted = at.peek() === '"'
    const label = isQuoted ? legacyName(readQuoted(at)) : at.take(LABEL, 'a label’s name')
    at.skip(BLANKS)
    if (at.peek() === '=') {
      at.offset += 1
      at.skip(BLANKS)
      if (labels.has(label) || label === '__name__') throw new Broken(`the label ${label} stands there twice`)
      labels.set(label, readQuoted(at))
      at.skip(BLANKS)
    } else if (isQuoted && name === undefined && labels.size === 0) name = label
    else throw new Broken('a label has no value')
    if (at.peek() === ',') at.offset += 1
    else if (at.peek() !== '}') throw new Broken('labels are not parted by commas')
  }
}

function readQuoted(at: Cursor): string {
  if (at.peek() !== '"') throw new Broken('a label’s value is not quoted')
  const from = at.offset + 1
  let to = from
  let hasEscape = false
  for (;;) {
    const character = at.text[to]
    if (character === undefined) throw new Broken('a quote does not end')
    if (character === '"') break
    if (character === '\\') hasEscape = true
    to += character === '\\' ? 2 : 1
  }
  at.offset = to + 1
  const written = at.text.slice(from, to)
  return hasEscape ? unescaped(written) : written
}

/** Other backslashes stay as they are, as Prometheus keeps them. */
function unescaped(text: string): string {
  return text.replaceAll(/\\([\\"n])/g, (_, character: string) => (character === 'n' ? '\n' : character))
}

function readNumber(text: string): number {
  if (DECIMAL.test(text)) return Number(text)
  const infinite = INFINITE.exec(text)
  if (infinite !== null) return infinite[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
  if (/^nan$/i.test(text)) return Number.NaN
  throw new Broken(text === '' ? 'no value follows, or more than a value and a timestamp' : 'its value is no number')
}

class Cursor {
  readonly text: string
  offset = 0

  constructor(text: string) {
    this.text = text
  }

  peek(): string | undefined {
    return this.text[this.offset]
  }

  match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.offset
    const found = pattern.exec(this.text)
    if (found !== null) this.offset += found[0].length
    return found
  }

  skip(pattern: RegExp): void {
    this.match(pattern)
  }

  take(pattern: RegExp, what: string): string {
    const found = this.match(pattern)?.[0]
    if (found === undefined) throw new Broken(`it does not begin with ${what}`)
    return found
  }
}
