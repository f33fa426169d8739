import { quoteRegex, quoteString } from '../../templates/promql.ts'

/** One label matcher. The value is plain for `=`, and a regular expression for `=~`. */
export interface LabelMatcher {
  readonly label: string
  readonly operator: '=' | '=~'
  readonly value: string
}

/** A regular expression that matches these values and nothing else. */
export function anyOf(values: readonly string[]): string {
  return values.map(quoteRegex).join('|')
}

/** A selector without a metric's name before the braces; a value can't leave its quotes. */
export function selector(matchers: readonly LabelMatcher[]): string {
  return `{${matchers.map(({ label, operator, value }) => `${label}${operator}"${quoteString(value, '"')}"`).join(',')}}`
}

/** Series of any of these metrics. */
export function named(metrics: readonly string[]): LabelMatcher {
  return { label: '__name__', operator: '=~', value: anyOf(metrics) }
}
