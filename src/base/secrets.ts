import { isObject } from './json.ts'

/** What stands in place of a secret. */
const REDACTED = '[redacted]'
/** Shorter values are no secrets that anybody should have, and hiding them would make holes in ordinary words. */
const SHORTEST = 8
/** How many spellings are kept. Tokens are replaced while Astern runs: one an hour, for weeks. */
const KEPT = 4_000

/** The credential values that this process has read, so that none of them is stored, logged or answered. */
export interface Secrets {
  /**
   * Remembers a credential: the whole, its words, and how other parties may write them. Of a URL it remembers the whole, what is behind
   * the host, and the parts that look like a credential.
   */
  know(value: string): void
  /** The text without any known credential. */
  readonly scrub: Scrub
}

export type Scrub = (text: string) => string

/** Leaves every text as it is, where there are no credentials. */
export const nothingSecret: Scrub = text => text

export function createSecrets(): Secrets {
  const known = new Set<string>()
  // The longest first: a secret that begins like a longer one would leave the rest of that one behind.
  let longestFirst: readonly string[] = []

  function add(value: string): void {
    if (value.length < SHORTEST) return
    const escaped = inJson(value)
    // A lone half of a pair cannot be encoded, and is made well-formed.
    const spellings = [
      value,
      escaped,
      // A source quotes what it got as JSON, in its own answer of JSON, which then stands in a line of the log.
      inJson(escaped),
      inJson(inJson(escaped)),
      encodeURIComponent(value.toWellFormed()),
      encodeURI(value.toWellFormed()),
      Buffer.from(value).toString('base64').replace(/=+$/, ''),
      Buffer.from(value).toString('base64url')
    ]
    for (const spelling of spellings) {
      // What was used last is forgotten last.
      known.delete(spelling)
      known.add(spelling)
    }
    for (const oldest of known) {
      if (known.size <= KEPT) break
      known.delete(oldest)
    }
    longestFirst = [...known].sort((a, b) => b.length - a.length)
  }

  function know(value: string): void {
    const whole = value.trim()
    // A value that is known already, which is read again at every call, costs nothing.
    if (known.has(whole)) return
    add(whole)
    if (/^https?:\/\//i.test(whole)) knowParts(whole)
    else knowWords(whole)
  }

  function knowWords(whole: string): void {
    // `-----BEGIN PRIVATE KEY-----` is in every key.
    const lines = whole.split('\n').filter(line => !line.startsWith('-----'))
    for (const word of lines.flatMap(line => line.trim().split(/\s+/))) {
      if (word !== whole) add(word)
      const basic = /^[A-Za-z0-9+/_-]+=*$/.test(word) ? /^[\x20-\x7e]*:([\x20-\x7e]+)$/.exec(Buffer.from(word, 'base64').toString()) : null
      if (basic?.[1] !== undefined) add(basic[1])
    }
  }

  function knowParts(text: string): void {
    if (!URL.canParse(text)) return
    const url = new URL(text)
    add(url.href)
    add(`${url.pathname}${url.search}`)
    for (const part of [url.username, url.password]) add(decodeSafely(part))
    // A word in small letters, such as `services`, is a name of the path. Everything else may be a key.
    for (const part of [...url.pathname.split('/'), ...url.searchParams.values()])
      if (part.length >= 16 || !/^[a-z_-]*$/.test(part)) add(decodeSafely(part))
  }

  return {
    know,
    scrub(text) {
      let clean = text
      for (const secret of longestFirst) if (clean.includes(secret)) clean = clean.replaceAll(secret, REDACTED)
      return clean
    }
  }
}

/** A copy of a value in which every text is scrubbed. Keys stay as they are. */
export function scrubbedCopy<T>(value: T, scrub: Scrub): T
export function scrubbedCopy(value: unknown, scrub: Scrub): unknown {
  if (typeof value === 'string') return scrub(value)
  if (Array.isArray(value)) return value.map(entry => scrubbedCopy<unknown>(entry, scrub))
  if (!isObject(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, scrubbedCopy<unknown>(entry, scrub)]))
}

function inJson(text: string): string {
  return JSON.stringify(text).slice(1, -1)
}

function decodeSafely(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}
