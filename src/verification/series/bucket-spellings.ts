import { quoteRegex } from '../../templates/promql.ts'

/**
 * A regular expression of the ways in which a bucket's boundary is written. Prometheus 3 writes `1.0` where Prometheus 2 keeps what the
 * client wrote: `1`, `1.0`, `1e+06`, `1.0E-5`.
 */
export function boundarySpellings(boundaries: readonly number[]): string {
  const all = boundaries.flatMap(boundary => [...new Set(spellings(boundary))])
  return [...all, '+Inf'].map(quoteRegex).join('|')
}

function spellings(boundary: number): readonly string[] {
  const plain = String(boundary)
  const [mantissa = '', exponent = '0'] = boundary.toExponential().split('e')
  const power = Number(exponent)
  const padded = `${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`
  const decimal = plain.includes('e')
    ? boundary.toFixed(Math.min(100, Math.max(0, -power + mantissa.replace(/^.*\.|^\d$/, '').length)))
    : plain
  const withPoint = (text: string): string => (text.includes('.') ? text : `${text}.0`)
  return [
    plain,
    decimal,
    withPoint(decimal),
    // Go: 1e-05, 1e+06. Java: 1.0E-5. Others: 1e-5, 1e6.
    `${mantissa}e${padded}`,
    `${withPoint(mantissa)}e${padded}`,
    `${mantissa}e${power}`,
    `${withPoint(mantissa)}E${power}`,
    `${mantissa}E${power}`
  ]
}

/** The boundary as Astern writes it, so that one bucket has one name whoever scraped it. Undefined where it is no boundary. */
export function canonicalBoundary(le: string): string | undefined {
  if (/^\+?inf$/i.test(le)) return '+Inf'
  const value = Number(le)
  return le.trim() === '' || Number.isNaN(value) ? undefined : String(value)
}
