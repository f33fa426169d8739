import { LineCounter, parseDocument } from 'yaml'

/**
 * Where a text is not YAML, as a line and a column; undefined where it is. The parser's sentence is left out: it quotes tags, anchors
 * and words, and in a file with credentials any of them may be one that was pasted into the wrong place.
 */
export function yamlFault(text: string): string | undefined {
  const lineCounter = new LineCounter()
  const document = parseDocument(text, { lineCounter, prettyErrors: false })
  const fault = document.errors[0] ?? document.warnings[0]
  if (fault === undefined) return undefined
  const { line, col } = lineCounter.linePos(fault.pos[0])
  return `line ${line}, column ${col}`
}
