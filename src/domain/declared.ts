import { hashOf } from '../base/hashes.ts'
import { isObject, type JsonObject } from '../base/json.ts'
import { billionthsOf } from '../base/quantity.ts'

/**
 * A pod template as a manifest declares it. Values are kept as hashes, because they may be secret: what is declared can be compared
 * with a template that has the same value, and tells nothing else.
 */
export type Declared =
  | { readonly kind: 'value'; readonly hash: string; readonly empty: boolean }
  | { readonly kind: 'fields'; readonly fields: Readonly<Record<string, Declared>> }
  | { readonly kind: 'items'; readonly items: readonly { readonly name?: string; readonly item: Declared }[] }

/** Keeps of a manifest's pod template what a template in the cluster is compared with. */
export function declared(template: unknown): Declared {
  return declaredAt(template, [])
}

function declaredAt(value: unknown, path: readonly string[]): Declared {
  if (isObject(value) && Object.keys(value).length > 0)
    return {
      kind: 'fields',
      fields: Object.fromEntries(Object.entries(value).map(([key, field]) => [key, declaredAt(field, [...path, key])]))
    }
  // A list of texts, such as a command, is one value: its order matters.
  if (Array.isArray(value) && value.some(isObject))
    return {
      kind: 'items',
      items: value.map(one => {
        const name = nameOf(one)
        return { ...(name === undefined ? {} : { name }), item: declaredAt(one, name === undefined ? path : named(path, name)) }
      })
    }
  return { kind: 'value', hash: hashAt(value, path), empty: isEmpty(value) }
}

/**
 * The fields of a template that have another value than a manifest declares, or none. Fields that the manifest does not name do not
 * count: the API server fills in defaults.
 */
export function contradicted(manifest: Declared, template: JsonObject): readonly string[] {
  return contradictedAt(manifest, template, [])
}

function contradictedAt(wanted: Declared, found: unknown, path: readonly string[]): readonly string[] {
  switch (wanted.kind) {
    case 'value': {
      // The API server drops an empty text, a zero, a false.
      const same = (found === undefined || isEmpty(found) ? wanted.empty : false) || wanted.hash === hashAt(found, path)
      return same ? [] : [path.join('.')]
    }
    case 'fields': {
      const fields = isObject(found) ? found : {}
      return Object.entries(wanted.fields).flatMap(([key, field]) => contradictedAt(field, fields[key], [...path, key]))
    }
    case 'items': {
      const items: readonly unknown[] = Array.isArray(found) ? found : []
      return wanted.items.flatMap(({ name, item }) => {
        const alike = name === undefined ? items : items.filter(one => nameOf(one) === name)
        const differences = alike.map(one => contradictedAt(item, one, name === undefined ? path : named(path, name)))
        if (differences.some(fields => fields.length === 0)) return []
        return (name === undefined ? undefined : differences[0]) ?? [named(path, name ?? '?').join('.')]
      })
    }
  }
}

function named(path: readonly string[], name: string): readonly string[] {
  return [...path.slice(0, -1), `${path.at(-1) ?? ''}[${name}]`]
}

function nameOf(item: unknown): string | undefined {
  return isObject(item) && typeof item['name'] === 'string' ? item['name'] : undefined
}

function isEmpty(value: unknown): boolean {
  if (value === null || value === undefined || value === '' || value === 0 || value === false) return true
  return Array.isArray(value) ? value.length === 0 : isObject(value) && Object.keys(value).length === 0
}

/** Quantities have many spellings, and the API server changes them. */
const QUANTITIES: ReadonlySet<string> = new Set(['requests', 'limits'])
const QUANTITY: ReadonlySet<string> = new Set(['sizeLimit', 'divisor'])

function hashAt(value: unknown, path: readonly string[]): string {
  const isQuantity = QUANTITIES.has(path.at(-2) ?? '') || QUANTITY.has(path.at(-1) ?? '')
  const amount = isQuantity && (typeof value === 'string' || typeof value === 'number') ? billionthsOf(String(value)) : undefined
  return hashOf(amount === undefined ? value : `${amount}`).slice(0, 16)
}
