/** One warning (RFC 7234): a code, who warns, and a quoted text in which quotes and backslashes are escaped. Kubernetes' code is 299. */
const WARNING = /299 \S+ "((?:[^"\\]|\\.)*)"/g
/** Most answers have one warning or none. A webhook may add any number, and people read them all. */
const MOST = 20
/** Characters. The API server itself cuts each to 256 where all together are too long; a Pod Security warning of many containers is longer. */
const LONGEST = 1_000

/** The texts of the `Warning` headers of an answer. Node.js joins several headers of that name by commas. */
export function warningsIn(header: string | undefined): readonly string[] {
  if (header === undefined) return []
  const texts = [...header.matchAll(WARNING)].map(found => (found[1] ?? '').replaceAll(/\\(.)/g, '$1'))
  return [...new Set(texts)].slice(0, MOST).map(text => (text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text))
}
