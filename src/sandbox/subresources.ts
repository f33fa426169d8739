import { isObject, type JsonObject, listAt, numberAt, objectAt, textAt } from '../base/json.ts'
import { type ApiAnswer, type ApiParts, statusAnswer } from './api.ts'
import { seconds } from './object-fields.ts'
import { generationOf } from './store.ts'

export interface SubresourceRequest {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly body: string
}

const SCALE = /^\/apis\/apps\/v1\/namespaces\/([^/]+)\/deployments\/([^/]+)\/scale$/
const EVICTION = /^\/api\/v1\/namespaces\/([^/]+)\/pods\/([^/]+)\/eviction$/
/** Kinds that a scale asks for, and of which the sandbox has no objects. */
const EMPTY = /^\/(?:api\/v1|apis\/autoscaling\/v2)\/namespaces\/[^/]+\/(?:resourcequotas|horizontalpodautoscalers)$/

/** Answers requests for the subresources that actions write; undefined for any other path. */
export function handleSubresource(parts: ApiParts, request: SubresourceRequest): ApiAnswer | undefined {
  if (EMPTY.test(request.path)) return { status: 200, body: { kind: 'List', apiVersion: 'v1', metadata: {}, items: [] } }
  const scaled = SCALE.exec(request.path)
  if (scaled !== null) return scale(parts, request, decodeURIComponent(scaled[1] ?? ''), decodeURIComponent(scaled[2] ?? ''))
  const evicted = EVICTION.exec(request.path)
  return evicted === null ? undefined : evict(parts, request, decodeURIComponent(evicted[1] ?? ''), decodeURIComponent(evicted[2] ?? ''))
}

function scale({ store, now }: ApiParts, { method, query, body }: SubresourceRequest, namespace: string, name: string): ApiAnswer {
  const found = store.get('deployments', namespace, name)
  if (found === undefined) return statusAnswer(404, 'NotFound', `deployments "${name}" not found`)
  if (method === 'GET') return { status: 200, body: toScale(found) }
  if (method !== 'PUT') return statusAnswer(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource')
  const asked = parsed(body)
  const version = textAt(asked, 'metadata', 'resourceVersion')
  if (version !== undefined && version !== textAt(found, 'metadata', 'resourceVersion'))
    return statusAnswer(409, 'Conflict', `Operation cannot be fulfilled on deployments "${name}": the object has been modified`)
  const replicas = numberAt(asked, 'spec', 'replicas') ?? 0
  if (replicas < 0) return statusAnswer(422, 'Invalid', 'spec.replicas: Invalid value: must be greater than or equal to 0')
  const changed = replicas !== numberAt(found, 'spec', 'replicas')
  const next = {
    ...found,
    metadata: {
      ...objectAt(found, 'metadata'),
      generation: generationOf(found) + (changed ? 1 : 0),
      managedFields: [...listAt(found, 'metadata', 'managedFields'), owner(query.get('fieldManager') ?? 'unknown', now())]
    },
    spec: { ...objectAt(found, 'spec'), replicas }
  }
  return { status: 200, body: toScale(query.get('dryRun') === 'All' ? next : store.put('deployments', next)) }
}

function owner(manager: string, at: number): JsonObject {
  return {
    manager,
    operation: 'Update',
    apiVersion: 'apps/v1',
    time: seconds(at),
    fieldsType: 'FieldsV1',
    fieldsV1: { 'f:spec': { 'f:replicas': {} } },
    subresource: 'scale'
  }
}

function toScale(deployment: JsonObject): JsonObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = objectAt(deployment, 'metadata')
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { replicas: numberAt(deployment, 'spec', 'replicas') ?? 0 },
    status: { replicas: numberAt(deployment, 'status', 'replicas') ?? 0 }
  }
}

function evict({ store }: ApiParts, { method, query, body }: SubresourceRequest, namespace: string, name: string): ApiAnswer {
  if (method !== 'POST') return statusAnswer(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource')
  const found = store.get('pods', namespace, name)
  if (found === undefined) return statusAnswer(404, 'NotFound', `pods "${name}" not found`)
  const wanted = textAt(parsed(body), 'deleteOptions', 'preconditions', 'uid')
  const uid = textAt(found, 'metadata', 'uid')
  if (wanted !== undefined && wanted !== uid)
    return statusAnswer(409, 'Conflict', `Precondition failed: UID in precondition: ${wanted}, UID in object meta: ${uid ?? ''}`)
  if (query.get('dryRun') !== 'All') store.delete('pods', namespace, name)
  return { status: 201, body: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' } }
}

function parsed(body: string): JsonObject {
  try {
    const value: unknown = JSON.parse(body)
    return isObject(value) ? value : {}
  } catch {
    return {}
  }
}
