/** A number as it was written, where JavaScript would print it in another way. `JSON.stringify` prints it as it was. */
export interface RawNumber {
  readonly rawJSON: string
}

declare global {
  interface JSON {
    rawJSON(text: string): RawNumber
    isRawJSON(value: unknown): value is RawNumber
    parse(text: string, reviver: (this: unknown, key: string, value: unknown, context: { readonly source?: string }) => unknown): unknown
  }
}

/**
 * A number that JavaScript may print in another way than it was written: one of 16 digits or more, a fraction, an exponent, `-0`.
 * Something like it inside a text only costs time.
 */
const DELICATE = /(?:^|[[:,])\s*(?:-?(?:\d{16,}|\d+\.\d+(?:[eE][-+]?\d+)?|\d+[eE][-+]?\d+)|-0)\s*(?:[\],}]|$)/

/**
 * Parses JSON so that printing it again gives the numbers that were read: what goes back to the API server is compared there as it
 * was written (facts B.0), and an integer beyond 2^53 would be another one.
 */
export function parseExactly(text: string): unknown {
  if (!DELICATE.test(text)) return JSON.parse(text)
  return JSON.parse(text, (_key, value, { source }) =>
    typeof value === 'number' && source !== undefined && String(value) !== source ? JSON.rawJSON(source) : value
  )
}

export function isRawNumber(value: unknown): value is RawNumber {
  return JSON.isRawJSON(value)
}
