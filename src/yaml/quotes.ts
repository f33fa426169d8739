export interface QuotesHint {
  /** Where the value begins that needs quotes. */
  readonly offset: number
  readonly message: string
  /** The same without the value. */
  readonly safe: string
}

/** A comparison, a template, or a character that YAML reads as an indicator. */
const NEEDS_QUOTES = /^(?:[<>=!]{1,2}\s*[-+.\d]|.*\{\{|[@`%])/
/** The indentation, dashes and key of a line; then its value. */
const LINE = /^(\s*(?:-\s+)*(?:[^\s"'{[][^:\n]*?:\s+)?)(.*?)\s*$/

/**
 * What to put in quotes where a parser stumbled over an unquoted value, such as `failWhen: > 5%` or `name: {{ labels.app }}-x`;
 * undefined where quotes are not what is missing.
 * @param offset where the parser stumbled
 */
export function quotesHint(text: string, offset: number): QuotesHint | undefined {
  const start = text.lastIndexOf('\n', offset - 1) + 1
  const end = text.indexOf('\n', offset)
  const line = text.slice(start, end === -1 ? text.length : end)
  const [, before = '', value = ''] = LINE.exec(line) ?? []
  if (/^["'{[]/.test(value) && !value.startsWith('{{')) return inFlow(text, offset)
  return NEEDS_QUOTES.test(value) ? hint(start + before.length, value) : inFlow(text, offset)
}

/** The same inside `{ … }` or `[ … ]`, where a value ends at a comma or at the bracket. */
function inFlow(text: string, offset: number): QuotesHint | undefined {
  const value = /^[^,}\]\n]*/.exec(text.slice(offset))?.[0].trimEnd() ?? ''
  return NEEDS_QUOTES.test(value) ? hint(offset, value) : undefined
}

function hint(offset: number, value: string): QuotesHint {
  return {
    offset,
    message: `put it in quotes: ${value.includes('"') && !value.includes("'") ? `'${value}'` : `"${value}"`}`,
    safe: 'put it in quotes'
  }
}
