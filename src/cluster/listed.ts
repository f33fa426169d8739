import { at, isObject, type JsonObject, listAt, textAt } from '../base/json.ts'
import { KINDS, type ObjectRef } from '../domain/objects.ts'
import { isSame, type Touched } from '../domain/touched.ts'

/** The target as owners list it. */
export function asListed({ kind, namespace, name }: ObjectRef): Touched {
  return { kind, namespace, name, group: KINDS[kind].group }
}

/** Whether the target is among what an owner lists. */
export function listsTarget(lists: readonly Touched[], ref: ObjectRef): boolean {
  const target = asListed(ref)
  return lists.some(listed => isSame(listed, target))
}

/** What an Argo CD Application says it has (`status.resources`). */
export function resourcesOf(application: JsonObject): readonly Touched[] {
  return listAt(application, 'status', 'resources').map(resource => {
    const namespace = textAt(resource, 'namespace') ?? ''
    return {
      kind: textAt(resource, 'kind') ?? '',
      group: textAt(resource, 'group') ?? '',
      name: textAt(resource, 'name') ?? '',
      ...(namespace === '' ? {} : { namespace })
    }
  })
}

/** What a Flux object says it has (`status.inventory`); undefined where it has no inventory. */
export function inventoryOf(object: JsonObject): readonly Touched[] | undefined {
  const status = object['status']
  if (!isObject(at(status, 'inventory'))) return undefined
  return listAt(status, 'inventory', 'entries').map(entry => parseInventoryId(textAt(entry, 'id') ?? ''))
}

/** Parses `namespace_name_group_kind`. A cluster-scoped object has no namespace there, and a colon of a name is `__`. */
export function parseInventoryId(id: string): Touched {
  const first = id.indexOf('_')
  const last = id.lastIndexOf('_')
  const beforeKind = id.slice(0, Math.max(last, 0))
  const groupAt = beforeKind.lastIndexOf('_')
  const namespace = id.slice(0, Math.max(first, 0))
  return {
    kind: id.slice(last + 1),
    group: beforeKind.slice(groupAt + 1),
    name: beforeKind.slice(first + 1, Math.max(groupAt, first + 1)).replaceAll('__', ':'),
    ...(namespace === '' ? {} : { namespace })
  }
}
