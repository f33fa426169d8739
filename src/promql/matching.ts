import { RE2JS } from 're2js'
import { type Call, type Expr, everyPart, type Matcher } from './ast.ts'
import { PromqlFault } from './fault.ts'

/** Throws a `PromqlFault` for a regular expression that Prometheus refuses, and for a selector that would select everything. */
export function checkMatchers(expr: Expr): void {
  const parts = everyPart(expr)
  // The second argument of info() says which labels to add, and may be empty.
  const ofInfo = parts
    .filter((part): part is Call => part.kind === 'call' && part.name === 'info')
    .flatMap(call => call.args.slice(1).flatMap(everyPart))
  for (const part of parts) {
    if (part.kind !== 'selector') continue
    const wide = part.matchers.map(admitsAbsent)
    if (part.written === undefined && wide.every(Boolean) && !ofInfo.includes(part))
      throw new PromqlFault('a selector that would select everything: name a metric, or a label that is not empty', part.from)
  }
}

/** Whether a series without that label meets the matcher. */
function admitsAbsent(matcher: Matcher): boolean {
  switch (matcher.operator) {
    case '=':
      return matcher.value === ''
    case '!=':
      return matcher.value !== ''
    case '=~':
      return regexOf(matcher).matches('')
    case '!~':
      return !regexOf(matcher).matches('')
  }
}

/** Prometheus' regular expressions are RE2, match whole values, and let a dot match the end of a line. */
function regexOf({ value, literal }: Matcher): RE2JS {
  try {
    return RE2JS.compile(value, RE2JS.DOTALL)
  } catch (cause) {
    throw new PromqlFault(`not a regular expression: ${cause instanceof Error ? cause.message : String(cause)}`, literal.from)
  }
}
