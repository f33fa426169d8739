import { type Expr, unwrapped } from './ast.ts'

/** An expression as people wrote it, on one line, without parentheses around it. */
export function textOf(expr: Expr, source: string): string {
  const { from, to } = unwrapped(expr)
  return oneLine(source.slice(from, to))
}

/** The same for a place beside another operator. */
export function operand(expr: Expr, source: string): string {
  const text = textOf(expr, source)
  return unwrapped(expr).kind === 'binary' ? `(${text})` : text
}

/** A query over several lines as one. Comments end with their line, so they are left out. */
export function oneLine(text: string): string {
  return text
    .replaceAll(/("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`)|#[^\n]*/g, (_, quoted: string | undefined) => quoted ?? '')
    .replaceAll(/\s*\n\s*/g, ' ')
    .trim()
}
