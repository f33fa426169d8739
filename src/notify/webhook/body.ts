import { isObject } from '../../base/json.ts'
import type { Message } from '../../domain/message.ts'
import { type Facts, factsOf, type Origin } from '../facts.ts'

// A body of the policy’s own, so that any other tool can be told: JSON whose texts have holes such as `{{ title }}`.

const HOLE = /\{\{\s*([a-z]+)(?:\.([A-Za-z0-9_.-]+))?\s*\}\}/g
const PLAIN = ['key', 'event', 'title', 'text', 'severity', 'channel', 'subject', 'facts'] as const
const NAMED = ['labels', 'details'] as const

/** Says what is wrong with the holes in a body; undefined where nothing is. */
export function bodyFault(body: unknown): string | undefined {
  if (typeof body === 'string') {
    const rest = body.replaceAll(HOLE, (whole, root: string, name: string | undefined) => (isKnown(root, name) ? '' : whole))
    const known = [...PLAIN, ...NAMED.map(root => `${root}.NAME`)].join(', ')
    return rest.includes('{{') ? `has a hole that is none of ${known}` : undefined
  }
  const parts = Array.isArray(body) ? body : isObject(body) ? Object.values(body) : []
  return parts.map(bodyFault).find(fault => fault !== undefined)
}

function isKnown(root: string, name: string | undefined): boolean {
  return name === undefined ? PLAIN.some(known => known === root) : NAMED.some(known => known === root)
}

/** Fills the holes and makes JSON of the body. Nothing of a message can leave its text: keys and structure are the policy’s. */
export function renderBody(body: unknown, message: Message, origin: Origin | undefined): string {
  const facts = factsOf(message, origin)
  const fill = (part: unknown): unknown => {
    if (typeof part === 'string')
      return part.replaceAll(HOLE, (_whole, root: string, name: string | undefined) => filled(root, name ?? '', { message, facts }))
    if (Array.isArray(part)) return part.map(fill)
    return isObject(part) ? Object.fromEntries(Object.entries(part).map(([key, inner]) => [key, fill(inner)])) : part
  }
  return JSON.stringify(fill(body))
}

function filled(root: string, name: string, { message, facts }: { readonly message: Message; readonly facts: Facts }): string {
  const plain: Readonly<Record<string, string>> = {
    key: message.key,
    event: message.event,
    title: facts.title,
    text: facts.text,
    severity: message.severity,
    channel: message.channel,
    subject: `${message.subject.kind}/${message.subject.id}`,
    facts: facts.lines.map(line => `${line.label}: ${line.text}`).join('\n')
  }
  if (name === '') return plain[root] ?? ''
  const value: unknown = root === 'labels' ? message.labels[name] : message.details[name]
  if (value === undefined) return ''
  return typeof value === 'string' ? value : JSON.stringify(value)
}
