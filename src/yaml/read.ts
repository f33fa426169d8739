import {
  type Document,
  isAlias,
  isCollection,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  type YAMLError
} from 'yaml'
import { quotesHint } from './quotes.ts'

/** What is wrong with a text of YAML, and where. Lines and columns begin at 1. */
export interface YamlFault {
  readonly line: number
  readonly column: number
  /** A sentence that may quote the text. */
  readonly message: string
  /** The same without anything out of the text, for files in which a credential may stand in the wrong place. */
  readonly safe: string
}

export interface ReadYaml {
  readonly kind: 'read'
  readonly value: unknown
  readonly document: Document
  readonly lines: LineCounter
  readonly text: string
}

export type YamlText = ReadYaml | { readonly kind: 'bad'; readonly faults: readonly YamlFault[] }

/** Deeper than any file that a person writes, and flat enough for every recursion over the value. */
const DEEPEST = 100
/** How many nodes aliases may add. A file of 10,000 policies with an alias in each is far below; a "billion laughs" is far above. */
const MOST_BY_ALIASES = 100_000
/** The parser goes on after a fault, and what it finds then is mostly a consequence. */
const MOST_FAULTS = 10
/** YAML allows no other control characters than tab and the ends of lines. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const NO_TEXT = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f\ufeff\ufffd]/
const KNOWN_TAGS = /^tag:yaml\.org,2002:(str|int|float|bool|null|map|seq|merge)$/

interface Found {
  readonly offset: number
  readonly message: string
  readonly safe: string
}

/**
 * Reads a text of YAML. It never throws: whatever cannot be read has a line, a column and a sentence. Aliases and merge keys (`<<`)
 * are resolved, within a limit of what they add.
 */
export function readYaml(source: string): YamlText {
  // An editor's byte order mark is no part of the text, and would shift the first line's columns.
  const text = source.replace(/^\ufeff/, '')
  const lines = new LineCounter()
  const bad = (found: readonly Found[]): YamlText => {
    const faults = found.slice(0, MOST_FAULTS).map(({ offset, message, safe }): YamlFault => {
      const at = lines.linePos(Math.min(offset, text.length))
      return { line: Math.max(1, at.line), column: Math.max(1, at.col), message, safe }
    })
    return { kind: 'bad', faults }
  }
  const strange = NO_TEXT.exec(text)
  try {
    const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, merge: true, logLevel: 'error' })
    if (strange !== null) return bad([same(strange.index, strangeCharacter(strange[0]))])
    const faults = [...document.errors, ...document.warnings].map(error => ofParser(error, text))
    const deep = faults.find(fault => fault.message === TOO_DEEP)
    if (deep !== undefined) return bad([deep])
    if (faults.length > 0) return bad([...Map.groupBy(faults, fault => fault.offset).values()].flatMap(([first]) => first ?? []))
    const wrong = faultsIn(document, text)
    if (wrong.length > 0) return bad(wrong)
    // The limits were checked above, in a way that tells where.
    return { kind: 'read', value: document.toJS({ maxAliasCount: -1 }), document, lines, text }
  } catch (cause) {
    // The parser is not ours: what it throws for a text is a fault of the text, and no fault of Astern.
    return bad([
      { offset: 0, message: `cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`, safe: 'cannot be read' }
    ])
  }
}

/** What to do, by the parser's codes. */
const HINTS: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: 'use spaces',
  MULTIPLE_DOCS: 'a file is one document',
  BAD_DQ_ESCAPE: String.raw`write \\, or use single quotes`,
  TAG_RESOLVE_FAILED: 'a tag (!) means nothing here',
  BLOCK_AS_IMPLICIT_KEY: 'put the value in quotes, if its colon belongs to it'
}

const TOO_DEEP = `is nested more than ${DEEPEST} deep`

function same(offset: number, message: string): Found {
  return { offset, message, safe: message }
}

function strangeCharacter(character: string): string {
  const code = character.charCodeAt(0)
  // Bytes that are no UTF-8 were decoded to this character.
  if (code === 0xfffd) return 'the file is not UTF-8 here (UTF-16, or an old encoding?): save it as UTF-8'
  return code === 0xfeff
    ? 'a byte order mark stands in the middle of the text (files that were put together): remove it'
    : `the control character U+${code.toString(16).padStart(4, '0').toUpperCase()} stands here: remove it, or write an escape in double quotes`
}

/** The parser's own sentence, and what to write instead where that can be told. */
function ofParser(error: YAMLError, text: string): Found {
  const offset = error.pos[0]
  if (String(error.code) === 'RESOURCE_EXHAUSTION') return same(offset, TOO_DEEP)
  const said = error.message.split('\n')[0] ?? ''
  const quotes = quotesHint(text, offset)
  const hint = said.endsWith(' at node end') ? 'put the whole value in quotes' : HINTS[String(error.code)]
  // A quote that an unquoted value needs explains more than what the parser made of it.
  if (quotes !== undefined) return { offset: quotes.offset, message: `${quotes.message} (${said})`, safe: quotes.safe }
  if (hint !== undefined) return { offset, message: `${said}: ${hint}`, safe: hint }
  return { offset, message: said, safe: '' }
}

/** What the parser lets through, and what nobody can mean or no program should follow. */
function faultsIn(document: Document, text: string): readonly Found[] {
  const faults: Found[] = []
  const anchors = new Map<string, Node>()
  const open = new Set<Node>()
  const sizes = new Map<Node, number>()
  let added = 0

  const place = (node: Node): number => node.range?.[0] ?? 0
  /** @returns how many nodes there are, aliases followed */
  function walk(node: unknown, depth: number): number {
    if (!isScalar(node) && !isCollection(node) && !isAlias(node)) return 0
    if (depth > DEEPEST) {
      faults.push(same(place(node), TOO_DEEP))
      return 1
    }
    if (isAlias(node)) return alias(node, node.source)
    if (node.anchor !== undefined) anchors.set(node.anchor, node)
    open.add(node)
    const size = 1 + (isScalar(node) ? scalar(node) : node.items.reduce((sum: number, item) => sum + entry(item, node, depth), 0))
    open.delete(node)
    sizes.set(node, size)
    return size
  }

  function entry(item: unknown, of: Node, depth: number): number {
    if (!isPair(item)) return walk(item, depth + 1)
    key(item, of)
    return walk(item.key, depth + 1) + walk(item.value, depth + 1)
  }

  function key({ key: of, value }: Pair, map: Node): void {
    if (isCollection(of)) {
      const [whole = ''] = text.slice(place(map), map.range?.[1] ?? place(map)).split('\n', 1)
      faults.push(
        whole.startsWith('{{') || /^\{\s+\{/.test(whole)
          ? { offset: place(map), message: `a template needs quotes: "${whole}"`, safe: 'put it in quotes' }
          : same(place(of), 'a key must be a text: put it in quotes')
      )
    }
    if (isScalar(of) && of.source === '<<' && of.type === 'PLAIN' && !isMergeable(value))
      faults.push(same(place(of), 'a merge key (<<) takes a map, an alias of one, or a list of these'))
  }

  function isMergeable(value: unknown): boolean {
    const meant = isAlias(value) ? anchors.get(value.source) : value
    // That an alias leads nowhere is told by itself.
    return (
      meant === undefined ||
      isMap(meant) ||
      (isSeq(meant) && meant.items.every(item => isMap(isAlias(item) ? anchors.get(item.source) : item)))
    )
  }

  function alias(node: Node, name: string): number {
    const meant = anchors.get(name)
    const wrong = (message: string, safe: string): number => {
      faults.push({ offset: place(node), message, safe })
      return 1
    }
    if (meant === undefined) return wrong(`*${name} is an alias, and no &${name} stands before it`, 'an alias that leads nowhere')
    if (open.has(meant)) return wrong(`*${name} stands inside &${name}: it would contain itself`, 'an alias that contains itself')
    const size = sizes.get(meant) ?? 1
    const before = added
    added += size
    const limit = `aliases make more than ${MOST_BY_ALIASES} values out of this file`
    return before <= MOST_BY_ALIASES && added > MOST_BY_ALIASES ? wrong(limit, limit) : size
  }

  function scalar(node: Node & { readonly value: unknown; readonly type?: string }): number {
    if (node.tag !== undefined && !KNOWN_TAGS.test(node.tag)) faults.push(same(place(node), 'a tag (!) means nothing here: remove it'))
    if (node.value instanceof Date) faults.push(same(place(node), 'a date is a text here: put it in quotes'))
    // `>5` is the head of a block without lines, and people mean a comparison.
    if (node.type?.startsWith('BLOCK') !== true || node.value !== '') return 0
    const [header = ''] = text.slice(place(node)).split('\n', 1)
    if (/^[>|]\s*\d/.test(header))
      faults.push({ offset: place(node), message: `put it in quotes: "${header.trim()}"`, safe: 'put it in quotes' })
    return 0
  }

  walk(document.contents, 0)
  return faults
}
