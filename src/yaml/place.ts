import { isMap, isNode, isPair, isScalar } from 'yaml'
import type { ReadYaml } from './read.ts'

export type YamlPath = readonly (string | number)[]

export interface PlaceOptions {
  /** True where the last key of the path is meant, and not its value. */
  readonly atKey?: boolean | undefined
  /** Characters into the value, for errors inside a text such as a query. */
  readonly offset?: number | undefined
}

/** The line and column of a path, or of the nearest part of it that is in the text. */
export function placeOf(
  yaml: ReadYaml,
  path: YamlPath,
  { atKey, offset }: PlaceOptions = {}
): { readonly line: number; readonly column: number } {
  let found = 0
  for (let depth = path.length; depth >= 0; depth -= 1) {
    const part = path.slice(0, depth)
    const whole = depth === path.length
    const place = atKey === true && whole ? keyOffset(yaml, part) : valueOffset(yaml, part, whole ? offset : undefined)
    if (place === undefined) continue
    found = place
    break
  }
  const at = yaml.lines.linePos(found)
  return { line: at.line, column: at.col }
}

/** The text of a path's value as it is written; undefined where it stands elsewhere, as with an alias. */
export function writtenAt({ document, text }: ReadYaml, path: YamlPath): string | undefined {
  const node = path.length === 0 ? document.contents : document.getIn(path, true)
  return isNode(node) && node.range != null ? text.slice(node.range[0], node.range[1]) : undefined
}

function valueOffset({ document }: ReadYaml, path: YamlPath, inside: number | undefined): number | undefined {
  const node = path.length === 0 ? document.contents : document.getIn(path, true)
  if (!isNode(node) || node.range == null) return undefined
  const start = node.range[0]
  if (inside === undefined || !isScalar(node)) return start
  if (node.type === 'PLAIN') return start + inside
  if (node.type === 'QUOTE_DOUBLE' || node.type === 'QUOTE_SINGLE') return start + 1 + inside
  // Block texts lose their indentation. So only their start is known exactly, and not a position inside them.
  return start
}

function keyOffset({ document }: ReadYaml, path: YamlPath): number | undefined {
  const parent = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true)
  if (!isMap(parent)) return undefined
  const pair = parent.items.find(item => isPair(item) && isScalar(item.key) && item.key.value === path.at(-1))
  return isScalar(pair?.key) ? pair.key.range?.[0] : undefined
}
