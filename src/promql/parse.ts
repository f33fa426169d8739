import { parser } from '@prometheus-io/lezer-promql'
import type { Expr } from './ast.ts'
import { exprOf } from './build.ts'
import { PromqlFault } from './fault.ts'
import { checkMatchers } from './matching.ts'
import { checkTypes } from './types.ts'

export interface PromqlError {
  readonly error: string
  readonly offset: number
}

/** How deep parts may stand inside each other. Real queries stay below 30; each level takes a frame of the stack. */
const DEEPEST = 1_000

/**
 * Parses a query with Prometheus' own grammar, and refuses what Prometheus' parser refuses besides: escapes, types, arguments.
 * @param shown what a message quotes, where that is not the text itself; as long as the text
 */
export function parsePromql(text: string, shown: string = text): Expr | PromqlError {
  const expr = readPromql(text, shown)
  if ('error' in expr) return expr
  return asValue(() => {
    checkTypes(expr)
    checkMatchers(expr)
    return expr
  })
}

/** Reads a query that was checked before, such as a rendered template. */
export function readPromql(text: string, shown: string = text): Expr | PromqlError {
  if (text.trim() === '') return { error: 'the query is empty', offset: 0 }
  const tree = parser.parse(withoutBareDots(text))
  let broken: number | undefined
  let depth = 0
  let deepest = 0
  tree.iterate({
    enter: node => {
      depth += 1
      deepest = Math.max(deepest, depth)
      if (node.type.isError) broken ??= node.from
    },
    leave: () => {
      depth -= 1
    }
  })
  if (deepest > DEEPEST) return { error: 'not PromQL that anyone can read: it is nested too deeply', offset: 0 }
  let top = tree.topNode.firstChild
  while (top !== null && top.name === 'LineComment') top = top.nextSibling
  if (broken !== undefined || top === null) return { error: `not PromQL: ${near(shown, broken ?? 0)}`, offset: broken ?? 0 }
  const found = top
  return asValue(() => exprOf(found, text))
}

function asValue(attempt: () => Expr): Expr | PromqlError {
  try {
    return attempt()
  } catch (fault) {
    if (fault instanceof PromqlFault) return { error: fault.message, offset: fault.offset }
    throw fault
  }
}

function near(text: string, offset: number): string {
  const rest = text.slice(offset).trimStart()
  return rest === '' ? 'it ends too early' : `unexpected ${JSON.stringify(rest.slice(0, 20))}`
}

/** Prometheus reads `5.` as 5, and the grammar does not. A blank in place of the dot keeps all positions. */
function withoutBareDots(text: string): string {
  return text.replaceAll(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`|#[^\n]*|(?<=(?<![\w.])\d[\d_]*)\.(?![\deE.])/gs, found =>
    found === '.' ? ' ' : found
  )
}
