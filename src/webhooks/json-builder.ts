import { ALERT_LIMITS } from '../domain/alert-limits.ts'
import type { JsonEvents } from './json-shape.ts'

type Open =
  | { readonly kind: 'object'; readonly members: [string, unknown][]; key: string }
  | { readonly kind: 'array'; readonly items: unknown[] }

/** One JSON value as it is read; of a value of too many parts nothing is kept. */
export interface JsonBuilder extends JsonEvents {
  /** Whether the value is complete. */
  readonly done: boolean
  /** The value; undefined where it has too many parts. */
  readonly value: unknown
}

/** Puts one JSON value together. */
export function createJsonBuilder(): JsonBuilder {
  const open: Open[] = []
  let parts = 0
  let depth = 0
  let value: unknown

  /** @returns whether the value is still kept */
  function count(): boolean {
    parts += 1
    if (parts > ALERT_LIMITS['alert-parts']) open.length = 0
    return parts <= ALERT_LIMITS['alert-parts']
  }

  function put(part: unknown): void {
    const into = open.at(-1)
    if (into === undefined) value = part
    else if (into.kind === 'array') into.items.push(part)
    else into.members.push([into.key, part])
  }

  return {
    opened(kind) {
      depth += 1
      if (count()) open.push(kind === 'object' ? { kind, members: [], key: '' } : { kind, items: [] })
    },
    closed() {
      depth -= 1
      const last = open.pop()
      // A member may be called __proto__: `fromEntries` makes it a member like any other.
      if (last !== undefined) put(last.kind === 'array' ? last.items : Object.fromEntries(last.members))
    },
    key(name) {
      const into = open.at(-1)
      if (count() && into?.kind === 'object') into.key = name
    },
    scalar(part) {
      if (count()) put(part)
    },
    get done() {
      return depth === 0
    },
    get value() {
      return value
    }
  }
}
