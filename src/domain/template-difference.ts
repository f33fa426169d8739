import { canonicalJson, isObject, type JsonObject, listAt, objectAt, textAt, textMap } from '../base/json.ts'
import { isOwnMark } from './workload.ts'

/** One part in which two pod templates differ. */
export interface TemplatePart {
  readonly kind: 'image' | 'variable' | 'annotation' | 'label' | 'container' | 'volume' | 'field'
  /** How people read it. It names what differs; of values only images are told, because any other may be a secret. */
  readonly text: string
}

/** The parts in which a pod template differs from another, less what makes no other version. */
export function templateDifference(from: JsonObject, to: JsonObject): readonly TemplatePart[] {
  return [
    ...['initContainers', 'containers'].flatMap(list => ofContainers(named(from, list), named(to, list))),
    ...changedKeys(mapOf(named(from, 'volumes')), mapOf(named(to, 'volumes'))).map(name => part('volume', `volume ${name}`)),
    ...ofMetadata(from, to, 'annotations', 'annotation'),
    ...ofMetadata(from, to, 'labels', 'label'),
    ...changedKeys(withoutLists(from), withoutLists(to)).map(name => part('field', name))
  ]
}

/** At most so many are told. Whoever needs all compares the revisions. */
const TOLD = 6

/** Names what differs, in one line. */
export function differenceText(parts: readonly TemplatePart[]): string {
  const more = parts.length > TOLD ? `, and ${parts.length - TOLD} more` : ''
  return `${parts
    .slice(0, TOLD)
    .map(({ text }) => text)
    .join(', ')}${more}`
}

function part(kind: TemplatePart['kind'], text: string): TemplatePart {
  return { kind, text }
}

function named(template: JsonObject, list: string): ReadonlyMap<string, JsonObject> {
  return new Map(
    listAt(template, 'spec', list)
      .filter(isObject)
      .map(one => [textAt(one, 'name') ?? '', one])
  )
}

function mapOf(map: ReadonlyMap<string, unknown>): JsonObject {
  return Object.fromEntries(map)
}

function changedKeys(from: JsonObject, to: JsonObject): readonly string[] {
  return [...new Set([...Object.keys(from), ...Object.keys(to)])].filter(key => !same(from[key], to[key]))
}

function same(one: unknown, other: unknown): boolean {
  return canonicalJson(one ?? null) === canonicalJson(other ?? null)
}

function ofContainers(from: ReadonlyMap<string, JsonObject>, to: ReadonlyMap<string, JsonObject>): readonly TemplatePart[] {
  return [...new Set([...from.keys(), ...to.keys()])].flatMap(name => {
    const [before, after] = [from.get(name), to.get(name)]
    if (before === undefined || after === undefined) return [part('container', `container ${name}`)]
    return changedKeys(before, after).flatMap(field => {
      if (field === 'image')
        return [part('image', `image of ${name}: ${textAt(before, 'image') ?? 'none'} → ${textAt(after, 'image') ?? 'none'}`)]
      if (field !== 'env') return [part('field', `${field} of ${name}`)]
      return changedKeys(variables(before), variables(after)).map(variable => part('variable', `variable ${variable} of ${name}`))
    })
  })
}

function variables(container: JsonObject): JsonObject {
  return Object.fromEntries(
    listAt(container, 'env')
      .filter(isObject)
      .map(variable => [textAt(variable, 'name') ?? '', variable])
  )
}

function ofMetadata(
  from: JsonObject,
  to: JsonObject,
  field: 'annotations' | 'labels',
  kind: 'annotation' | 'label'
): readonly TemplatePart[] {
  const of = (template: JsonObject): JsonObject => textMap(objectAt(template, 'metadata')[field])
  return changedKeys(of(from), of(to)).flatMap(name => (isOwnMark(kind, name) ? [] : [part(kind, `${kind} ${name}`)]))
}

/** The other fields of the pods' spec. */
function withoutLists(template: JsonObject): JsonObject {
  const { containers: _1, initContainers: _2, volumes: _3, ...rest } = objectAt(template, 'spec')
  return rest
}
