import { setImmediate } from 'node:timers/promises'
import { parseAllDocuments } from 'yaml'
import { hashOf } from '../base/hashes.ts'
import { at, isObject, type JsonObject, listAt, objectAt, textAt, textMap } from '../base/json.ts'
import { type Declared, declared } from '../domain/declared.ts'
import { KINDS } from '../domain/objects.ts'
import { isOneWayDoor } from '../domain/touched.ts'

/** One object of a release's manifest. Of its contents only what pods it makes is kept, while a plan is made, and digests. */
export interface ManifestObject {
  readonly apiVersion: string
  readonly kind: string
  readonly name: string
  /** As written: an object without one has the release's, unless its kind has none. */
  readonly namespace?: string
  readonly digest: string
  readonly oneWay: boolean
  /** Its pod template as digests, where it is of a kind that targets have. */
  readonly template?: Declared
  /** The template of the pods that it makes; absent where it makes none. */
  readonly pods?: JsonObject
  /** Of a hook: the events that it is for, such as `pre-rollback`. */
  readonly events?: readonly string[]
}

/** Characters. A release fits into a Secret of 1 MiB, and the largest charts that people use unpack to a few times that. */
const LONGEST = 16 * 1024 * 1024
/** A line that begins another document. Nothing of a document may begin so, not even within a text of many lines. */
const BEGINS = /(?<=\n)(?=---(?:\s|$))/
/** Helm's YAML, which is older, ends a line at these too. What follows one could be a comment here, and an object's namespace there. */
const OTHER_BREAKS = /[\u0085\u2028\u2029]/

/**
 * Parses a manifest; `unreadable` for what is no list of objects. A megabyte takes seconds, so each document is a turn of its own,
 * and whoever calls meanwhile is answered.
 */
export async function manifestObjects(text: string): Promise<readonly ManifestObject[] | 'unreadable'> {
  if (text.length > LONGEST || OTHER_BREAKS.test(text)) return 'unreadable'
  const objects: ManifestObject[] = []
  for (const part of text.split(BEGINS)) {
    if (!parsePart(part, objects)) return 'unreadable'
    await setImmediate()
  }
  return objects
}

function parsePart(text: string, objects: ManifestObject[]): boolean {
  try {
    // Helm itself takes the last of two equal keys, and merges what `<<` names.
    const documents = parseAllDocuments(text, { uniqueKeys: false, merge: true, logLevel: 'silent' })
    if (!Array.isArray(documents)) return true
    return documents.every(document => document.errors.length === 0 && collect(document.toJS(), objects))
  } catch {
    return false
  }
}

export function isUnreadable(objects: readonly ManifestObject[] | 'unreadable'): objects is 'unreadable' {
  return objects === 'unreadable'
}

function collect(value: unknown, objects: ManifestObject[]): boolean {
  if (value === null || value === undefined) return true
  if (!isObject(value)) return false
  const kind = textAt(value, 'kind')
  const apiVersion = textAt(value, 'apiVersion')
  if (kind === undefined || apiVersion === undefined) return false
  // Helm applies each item of a list by itself.
  if (kind.endsWith('List') && Array.isArray(value['items'])) return listAt(value, 'items').every(item => collect(item, objects))
  const name = textAt(value, 'metadata', 'name')
  if (name === undefined) return false
  const namespace = at(value, 'metadata', 'namespace') ?? ''
  if (typeof namespace !== 'string') return false
  const annotations = textMap(objectAt(value, 'metadata')['annotations'])
  const pods = podsOf(value, kind)
  const events = annotations['helm.sh/hook']
  objects.push({
    apiVersion,
    kind,
    name,
    ...(namespace === '' ? {} : { namespace }),
    digest: hashOf(value),
    oneWay: isOneWayDoor(annotations),
    ...(kind in KINDS && isObject(at(value, 'spec', 'template')) ? { template: declared(objectAt(value, 'spec', 'template')) } : {}),
    ...(pods === undefined ? {} : { pods }),
    ...(events === undefined ? {} : { events: events.split(',').map(event => event.trim()) })
  })
  return true
}

/** Where the kinds that make pods have their template. */
function podsOf(object: JsonObject, kind: string): JsonObject | undefined {
  if (kind === 'Pod') return object
  const place = kind === 'CronJob' ? ['spec', 'jobTemplate', 'spec', 'template'] : ['spec', 'template']
  const template = at(object, ...place)
  return isObject(template) && isObject(template['spec']) ? template : undefined
}
