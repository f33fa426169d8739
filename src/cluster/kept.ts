import { isObject, type JsonObject, objectAt } from '../base/json.ts'
import { controllerUid } from './metadata.ts'

/** The copy of the object that client-side apply keeps in it. */
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration'

/** What fills containers, and tells nothing about how a pod is. */
const CONTAINER_BULK: ReadonlySet<string> = new Set(['args', 'command', 'env', 'envFrom', 'lifecycle', 'securityContext', 'volumeMounts'])

/** Keeps the revisions that the object controls, with the whole template, because it is written back. Those of others are let go of. */
export function keptRevision(uid: string): (revision: JsonObject) => JsonObject | undefined {
  return revision => (controllerUid(revision) === uid ? withLeanMetadata(revision) : undefined)
}

/** Keeps of a pod how it is, and not what runs in it: of ten thousand pods the text would fill the memory of a decision. */
export function keptPod(pod: JsonObject): JsonObject {
  const { volumes: _, ...spec } = objectAt(pod, 'spec')
  return { ...withLeanMetadata(pod), spec: { ...spec, ...leanContainers(spec, 'containers'), ...leanContainers(spec, 'initContainers') } }
}

/** Keeps only the metadata, without those parts that may be long. */
export function keptMetadata(object: JsonObject): JsonObject {
  return { metadata: withLeanMetadata(object)['metadata'] }
}

function leanContainers(spec: JsonObject, list: string): JsonObject {
  const containers = spec[list]
  if (!Array.isArray(containers)) return {}
  return { [list]: containers.map(container => (isObject(container) ? without(container, CONTAINER_BULK) : container)) }
}

function withLeanMetadata(object: JsonObject): JsonObject {
  const { managedFields: _, annotations, ...metadata } = objectAt(object, 'metadata')
  return {
    ...object,
    metadata: { ...metadata, ...(isObject(annotations) ? { annotations: without(annotations, new Set([LAST_APPLIED])) } : {}) }
  }
}

function without(object: JsonObject, names: ReadonlySet<string>): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([name]) => !names.has(name)))
}
