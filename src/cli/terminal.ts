import { stripVTControlCharacters, styleText } from 'node:util'

/** What a command prints to: colours only on a terminal that wants them. */
export interface Terminal {
  readonly isTerminal: boolean
  line(text?: string): void
  error(text: string): void
  good(text: string): string
  bad(text: string): string
  warn(text: string): string
  dim(text: string): string
  bold(text: string): string
}

export function createTerminal(out: NodeJS.WriteStream = process.stdout, err: NodeJS.WriteStream = process.stderr): Terminal {
  const isTerminal = out.isTTY === true
  const colours = isTerminal && out.hasColors()
  const style = (format: Parameters<typeof styleText>[0]) => (text: string) =>
    colours ? styleText(format, text, { validateStream: false }) : text
  return {
    isTerminal,
    line: (text = '') => void out.write(`${text}\n`),
    error: text => void err.write(`${text}\n`),
    good: style('green'),
    bad: style('red'),
    warn: style('yellow'),
    dim: style('dim'),
    bold: style('bold')
  }
}

/** Columns as wide as their widest cell. Control characters of foreign texts are taken out. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = []
  for (const row of rows) for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, width(cell))
  return rows.map(row =>
    row
      .map((cell, index) => (index === row.length - 1 ? cell : cell + ' '.repeat((widths[index] ?? 0) - width(cell))))
      .join('  ')
      .trimEnd()
  )
}

function width(text: string): number {
  return stripVTControlCharacters(text).length
}

/** Makes foreign text (labels, details) safe for a terminal: no escape sequence in it gets there. */
export function plain(text: unknown): string {
  return stripVTControlCharacters(String(text ?? '')).replaceAll(/\p{Cc}/gu, ' ')
}
