/** Templates: text with holes such as `{{ labels.namespace }}`. A hole can be filled only through an escape made for its place. */

import type { Refusal } from '../domain/reasons.ts'

export const TEMPLATE_ROOTS = ['labels', 'annotations', 'target'] as const
export type TemplateRoot = (typeof TEMPLATE_ROOTS)[number]

export interface Hole {
  readonly root: TemplateRoot
  readonly name: string
  /** The position of `{{` in the source text. */
  readonly offset: number
  /** The position behind `}}` in the source text. */
  readonly end: number
}

export interface Template {
  readonly source: string
  /** The texts before, between and behind the holes: one more than there are holes. */
  readonly texts: readonly string[]
  readonly holes: readonly Hole[]
}

/** What templates may refer to. `target` is absent while the target itself is being resolved. */
export interface TemplateValues {
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly target?: Readonly<Record<string, string>>
}

export type Rendered =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'missing'; readonly name: string }
  | { readonly kind: 'unsafe'; readonly name: string; readonly why: string }

/** The refusal of a step whose template could not be filled. */
export function renderRefusal(rendered: Exclude<Rendered, { readonly kind: 'text' }>): Refusal {
  switch (rendered.kind) {
    case 'missing':
      return { reason: 'label-missing', detail: `${rendered.name} is missing or empty` }
    case 'unsafe':
      return { reason: 'label-unsafe', detail: `${rendered.name}: ${rendered.why}` }
  }
}

/** Makes a value safe for its place, or says why it cannot be made safe. */
export type Escape = (value: string, hole: Hole) => { readonly text: string } | { readonly unsafe: string }

const HOLE = /\{\{\s*(?:([a-z]+)\.([A-Za-z_][A-Za-z0-9_]*)|([a-z]+)\["([^"\\]+)"\])\s*\}\}/g

/** Parses a template. @returns the template, or a sentence that says what is wrong with it and where */
export function parseTemplate(source: string): Template | { readonly error: string; readonly offset: number } {
  const texts: string[] = []
  const holes: Hole[] = []
  let from = 0
  for (const match of source.matchAll(HOLE)) {
    const rootName = match[1] ?? match[3] ?? ''
    const root = TEMPLATE_ROOTS.find(candidate => candidate === rootName)
    if (root === undefined) {
      return { error: `unknown name "${rootName}" in a template; known are ${TEMPLATE_ROOTS.join(', ')}`, offset: match.index }
    }
    const text = source.slice(from, match.index)
    const stray = strayBraces(text)
    if (stray !== undefined) return { error: stray.error, offset: from + stray.offset }
    texts.push(text)
    holes.push({ root, name: match[2] ?? match[4] ?? '', offset: match.index, end: match.index + match[0].length })
    from = match.index + match[0].length
  }
  const rest = source.slice(from)
  const stray = strayBraces(rest)
  if (stray !== undefined) return { error: stray.error, offset: from + stray.offset }
  return { source, texts: [...texts, rest], holes }
}

function strayBraces(text: string): { readonly error: string; readonly offset: number } | undefined {
  const offset = text.indexOf('{{')
  if (offset === -1) return undefined
  return {
    error: 'a template that is not `{{ labels.NAME }}`, `{{ labels["NAME"] }}`, `{{ annotations.NAME }}` or `{{ target.NAME }}`',
    offset
  }
}

/** Fills the holes. An empty label counts as missing, because an empty selector would mean everything. */
export function renderTemplate(template: Template, values: TemplateValues, escapeFor: Escape): Rendered {
  let text = template.texts[0] ?? ''
  for (const [index, hole] of template.holes.entries()) {
    const from = values[hole.root]
    const value = from !== undefined && Object.hasOwn(from, hole.name) ? from[hole.name] : undefined
    const name = `${hole.root}.${hole.name}`
    if (value === undefined || value === '') return { kind: 'missing', name }
    const escaped = escapeFor(value, hole)
    if ('unsafe' in escaped) return { kind: 'unsafe', name, why: escaped.unsafe }
    text += escaped.text + (template.texts[index + 1] ?? '')
  }
  return { kind: 'text', text }
}
