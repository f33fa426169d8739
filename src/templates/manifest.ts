import { parseAllDocuments } from 'yaml'
import { hashOf } from '../base/hashes.ts'
import { isObject, listAt, objectAt, textAt, textMap } from '../base/json.ts'
import { isOneWayDoor } from '../domain/touched.ts'

/** One object of a release's manifest. Its contents are not kept, but for a digest. */
export interface ManifestObject {
  readonly apiVersion: string
  readonly kind: string
  readonly name: string
  /** As written: an object without one has the release's, unless its kind has none. */
  readonly namespace?: string
  readonly digest: string
  readonly oneWay: boolean
}

/** Parses a manifest; `unreadable` for what is no list of objects. */
export function manifestObjects(text: string): readonly ManifestObject[] | 'unreadable' {
  const objects: ManifestObject[] = []
  try {
    // Helm itself takes the last of two equal keys.
    const documents = parseAllDocuments(text, { uniqueKeys: false, logLevel: 'silent' })
    if (!Array.isArray(documents)) return []
    for (const document of documents) {
      if (document.errors.length > 0 || !collect(document.toJS(), objects)) return 'unreadable'
    }
  } catch {
    return 'unreadable'
  }
  return objects
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
  const namespace = textAt(value, 'metadata', 'namespace') ?? ''
  objects.push({
    apiVersion,
    kind,
    name,
    ...(namespace === '' ? {} : { namespace }),
    digest: hashOf(value),
    oneWay: isOneWayDoor(textMap(objectAt(value, 'metadata')['annotations']))
  })
  return true
}
