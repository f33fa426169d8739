import { isObject, type JsonObject } from '../base/json.ts'
import type { Owner } from '../domain/owner.ts'
import type { Workload } from '../domain/workload.ts'

/** By which member of its entries the API merges a list (facts B.1). Other lists are replaced as a whole. */
const MERGED_BY: Readonly<Record<string, string>> = {
  containers: 'name',
  initContainers: 'name',
  ephemeralContainers: 'name',
  env: 'name',
  volumes: 'name',
  imagePullSecrets: 'name',
  volumeMounts: 'mountPath',
  volumeDevices: 'devicePath',
  ports: 'containerPort',
  hostAliases: 'ip',
  topologySpreadConstraints: 'topologyKey'
}

/** So many are named in a message; the rest is counted. */
const NAMED = 6

/** What people must know of the deploys that follow an undo, because nothing that Astern does can spare them that. */
export function afterUndo(workload: Workload, back: JsonObject, owners: readonly Owner[]): string {
  const { release, template } = workload
  const [owner] = owners.filter(({ kind }) => kind !== 'controller' && kind !== 'field-manager')
  const left = onlyIn(back, template)
  return [
    'whoever deploys the same manifest again brings the undone version back',
    ...(release === undefined ? [] : [`release ${release.namespace}/${release.name} still says the undone version`]),
    ...(owner === undefined ? [] : [`${owner.kind} ${owner.name} still says the undone version: revert it in Git`]),
    ...(left.length === 0
      ? []
      : [
          `what only the version that is back has stays, whether you deploy by kubectl apply, server-side apply or helm, unless the new manifest names it or you take it out: ${listed(left)}`
        ])
  ].join('; ')
}

/** The same after a scale; `field` is what a manifest would set. */
export function afterScale(field: string): string {
  return `a manifest that says ${field} sets that number at its next deploy, and Astern then leaves it`
}

function listed(left: readonly string[]): string {
  const more = left.length - NAMED
  return `${left.slice(0, NAMED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}

/** The places that `one` has and `other` does not have, as deep as both have the same parts. */
export function onlyIn(one: JsonObject, other: JsonObject, path = ''): readonly string[] {
  return Object.entries(one).flatMap(([key, value]) => {
    const at = path === '' ? key : `${path}.${key}`
    const there = other[key]
    if (there === undefined) return isEmpty(value) ? [] : [at]
    if (isObject(value) && isObject(there)) return onlyIn(value, there, at)
    const by = MERGED_BY[key]
    if (by === undefined || !Array.isArray(value) || !Array.isArray(there)) return []
    const known = new Map(there.filter(isObject).map(entry => [entry[by], entry]))
    return value.filter(isObject).flatMap(entry => {
      const place = `${at}[${String(entry[by])}]`
      const same = known.get(entry[by])
      return same === undefined ? [place] : onlyIn(entry, same, place)
    })
  })
}

function isEmpty(value: unknown): boolean {
  return value === null || (Array.isArray(value) && value.length === 0) || (isObject(value) && Object.keys(value).length === 0)
}
