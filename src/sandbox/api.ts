import { applyPatch, type Operation } from 'rfc6902'
import { canonicalJson, isObject, type JsonObject, objectAt, textAt, textMap } from '../base/json.ts'
import { matchesSelector } from './selectors.ts'
import { generationOf, RESOURCES, type Resource, type Store } from './store.ts'

/** An answer of the API: an object, or Kubernetes' own `Status`. */
export interface ApiAnswer {
  readonly status: number
  readonly body: JsonObject
}

export interface ApiRequest {
  readonly method: string
  readonly resource: Resource
  readonly namespace: string | undefined
  readonly name: string | undefined
  readonly query: URLSearchParams
  readonly contentType: string
  readonly body: string
}

export interface ApiParts {
  readonly store: Store
  readonly now: () => number
  readonly uid: () => string
}

export function statusAnswer(status: number, reason: string, message: string): ApiAnswer {
  return { status, body: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, code: status } }
}

/** Answers one request to one resource, with the codes of the real API server (facts B.0, G.5). */
export function handleApi(parts: ApiParts, request: ApiRequest): ApiAnswer {
  const { store } = parts
  const { resource, namespace, name } = request
  if (name === undefined) {
    if (request.method === 'GET') return list(parts, request)
    if (request.method === 'POST') return create(parts, request)
    return statusAnswer(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource')
  }
  const found = store.get(resource, namespace ?? '', name)
  if (found === undefined) return statusAnswer(404, 'NotFound', `${resource} "${name}" not found`)
  switch (request.method) {
    case 'GET':
      return { status: 200, body: found }
    case 'PUT':
      return update(parts, request, found)
    case 'PATCH':
      return patch(parts, request, found)
    case 'DELETE':
      store.delete(resource, namespace ?? '', name)
      return { status: 200, body: found }
    default:
      return statusAnswer(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource')
  }
}

export function selected(request: Pick<ApiRequest, 'query'>, object: JsonObject): boolean {
  const labels = request.query.get('labelSelector')
  if (labels !== null && !matchesSelector(labels, textMap(objectAt(object, 'metadata')['labels']))) return false
  const field = /^metadata\.name=(.+)$/.exec(request.query.get('fieldSelector') ?? '')
  return field === null || textAt(object, 'metadata', 'name') === field[1]
}

/** Lists by name, and page by page where a limit says so. A later page shows what is there by then (the real one: of its snapshot). */
function list(parts: ApiParts, request: ApiRequest): ApiAnswer {
  const { kind, apiVersion } = RESOURCES[request.resource]
  const token = tokenOf(request.query.get('continue'))
  if (token === 'bad') return statusAnswer(400, 'BadRequest', 'continue key is not valid: illegal base64 data')
  const found = parts.store
    .list(request.resource, request.namespace)
    .filter(object => selected(request, object))
    .map(object => ({ key: keyOf(object), object }))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .filter(({ key }) => token === undefined || key > token.after)
  const limit = Number(request.query.get('limit') ?? '0')
  const page = limit > 0 ? found.slice(0, limit) : found
  const last = page.at(-1)
  const version = token?.version ?? String(parts.store.version)
  const more = last !== undefined && page.length < found.length
  const next = more ? { continue: Buffer.from(JSON.stringify([version, last.key])).toString('base64url') } : {}
  return {
    status: 200,
    body: { kind: `${kind}List`, apiVersion, metadata: { resourceVersion: version, ...next }, items: page.map(({ object }) => object) }
  }
}

function keyOf(object: JsonObject): string {
  return `${textAt(object, 'metadata', 'namespace') ?? ''}/${textAt(object, 'metadata', 'name') ?? ''}`
}

function tokenOf(text: string | null): { readonly version: string; readonly after: string } | 'bad' | undefined {
  if (text === null || text === '') return undefined
  const parsed = parseJson(Buffer.from(text, 'base64url').toString('utf8'))
  const [version, after] = Array.isArray(parsed) ? parsed : []
  return typeof version === 'string' && typeof after === 'string' ? { version, after } : 'bad'
}

function create(parts: ApiParts, request: ApiRequest): ApiAnswer {
  const { resource } = request
  const object = parseObject(request.body)
  if (object === undefined) return statusAnswer(400, 'BadRequest', 'the object provided is unrecognized (must be of type object)')
  const name = textAt(object, 'metadata', 'name')
  const namespace = RESOURCES[resource].namespaced ? (request.namespace ?? '') : ''
  if (name === undefined || name === '')
    return statusAnswer(
      422,
      'Invalid',
      `${RESOURCES[resource].kind} is invalid: metadata.name: Required value: name or generateName is required`
    )
  if (parts.store.get(resource, namespace, name) !== undefined)
    return statusAnswer(409, 'AlreadyExists', `${resource} "${name}" already exists`)
  const created = defaulted(resource, {
    ...object,
    apiVersion: RESOURCES[resource].apiVersion,
    kind: RESOURCES[resource].kind,
    metadata: {
      ...objectAt(object, 'metadata'),
      name,
      ...(namespace === '' ? {} : { namespace }),
      uid: parts.uid(),
      creationTimestamp: seconds(parts.now()),
      generation: 1,
      managedFields: [managed(parts, request, 'Update')]
    }
  })
  const invalid = validate(resource, created)
  if (invalid !== undefined) return invalid
  return { status: 201, body: isDryRun(request) ? created : parts.store.put(resource, created) }
}

function update(parts: ApiParts, request: ApiRequest, before: JsonObject): ApiAnswer {
  const object = parseObject(request.body)
  if (object === undefined) return statusAnswer(400, 'BadRequest', 'the object provided is unrecognized (must be of type object)')
  return save(parts, request, before, object)
}

function patch(parts: ApiParts, request: ApiRequest, before: JsonObject): ApiAnswer {
  const contentType = request.contentType.split(';')[0]?.trim()
  const parsed = parseJson(request.body)
  if (contentType === 'application/json-patch+json') {
    if (!Array.isArray(parsed))
      return statusAnswer(400, 'BadRequest', 'error decoding patch: json: cannot unmarshal object into Go value of type jsonpatch.Patch')
    const patched = structuredClone(before) as Record<string, unknown>
    const failed = applyPatch(patched, parsed as Operation[]).find(result => result !== null)
    // The answer does not say which test failed, as the real server's does not.
    return failed === undefined
      ? save(parts, request, before, patched)
      : statusAnswer(422, 'Invalid', 'the server rejected our request due to an error in our request')
  }
  if (contentType === 'application/merge-patch+json' || contentType === 'application/strategic-merge-patch+json') {
    if (!isObject(parsed)) return statusAnswer(400, 'BadRequest', 'the patch is not an object')
    return save(parts, request, before, mergePatch(before, parsed))
  }
  return statusAnswer(
    415,
    'UnsupportedMediaType',
    `the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json`
  )
}

function save(parts: ApiParts, request: ApiRequest, before: JsonObject, after: JsonObject): ApiAnswer {
  const { resource } = request
  const old = objectAt(before, 'metadata')
  const next = objectAt(after, 'metadata')
  if (next['uid'] !== undefined && next['uid'] !== old['uid'])
    return statusAnswer(422, 'Invalid', `metadata.uid: Invalid value: field is immutable`)
  if (next['resourceVersion'] !== undefined && next['resourceVersion'] !== old['resourceVersion']) {
    return statusAnswer(
      409,
      'Conflict',
      `Operation cannot be fulfilled on ${resource} "${request.name ?? ''}": the object has been modified; please apply your changes to the latest version and try again`
    )
  }
  const specChanged = canonicalJson(before['spec']) !== canonicalJson(after['spec'])
  const templateChanged = canonicalJson(objectAt(before, 'spec')['template']) !== canonicalJson(objectAt(after, 'spec')['template'])
  const entries = ownersAfter(old['managedFields'], next['managedFields'])
  const stored = defaulted(resource, {
    ...after,
    // The status is written only through its subresource.
    ...(before['status'] === undefined ? {} : { status: before['status'] }),
    metadata: {
      ...next,
      uid: old['uid'],
      creationTimestamp: old['creationTimestamp'],
      resourceVersion: old['resourceVersion'],
      generation: generationOf(before) + (specChanged ? 1 : 0),
      managedFields: templateChanged
        ? [...entries.filter(entry => textAt(entry, 'manager') !== managerOf(request)), managed(parts, request, 'Update')]
        : entries
    }
  })
  const invalid = validate(resource, stored)
  if (invalid !== undefined) return invalid
  return { status: 200, body: isDryRun(request) ? stored : parts.store.put(resource, stored) }
}

/** The entries of `managedFields` that a request leaves. It may take some away; with none left, those of before stay. */
function ownersAfter(before: unknown, asked: unknown): readonly unknown[] {
  if (Array.isArray(asked) && asked.length > 0) return asked
  return Array.isArray(before) ? before : []
}

/** RFC 7386. */
function mergePatch(target: JsonObject, change: JsonObject): JsonObject {
  const merged: Record<string, unknown> = { ...target }
  for (const [key, value] of Object.entries(change)) {
    if (value === null) delete merged[key]
    else merged[key] = isObject(value) ? mergePatch(objectAt(merged, key), value) : value
  }
  return merged
}

/** The defaults that decisions look at. */
function defaulted(resource: Resource, object: JsonObject): JsonObject {
  if (resource !== 'deployments') return object
  const spec = objectAt(object, 'spec')
  return {
    ...object,
    spec: { replicas: 1, progressDeadlineSeconds: 600, revisionHistoryLimit: 10, strategy: { type: 'RollingUpdate' }, ...spec }
  }
}

function validate(resource: Resource, object: JsonObject): ApiAnswer | undefined {
  if (resource !== 'deployments') return undefined
  const wanted = textMap(objectAt(object, 'spec', 'selector')['matchLabels'])
  const labels = textMap(objectAt(object, 'spec', 'template', 'metadata')['labels'])
  if (Object.keys(wanted).length > 0 && Object.entries(wanted).every(([key, value]) => labels[key] === value)) return undefined
  const { status, body } = statusAnswer(
    422,
    'Invalid',
    'Deployment.apps is invalid: spec.template.metadata.labels: Invalid value: `selector` does not match template `labels`'
  )
  const causes = [{ reason: 'FieldValueInvalid', field: 'spec.template.metadata.labels' }]
  return { status, body: { ...body, details: { name: textAt(object, 'metadata', 'name'), causes } } }
}

function managed(parts: ApiParts, request: ApiRequest, operation: 'Update'): JsonObject {
  return {
    manager: managerOf(request),
    operation,
    apiVersion: RESOURCES[request.resource].apiVersion,
    time: seconds(parts.now()),
    fieldsType: 'FieldsV1',
    fieldsV1: { 'f:spec': { 'f:template': {} } }
  }
}

function managerOf(request: ApiRequest): string {
  return request.query.get('fieldManager') ?? 'unknown'
}

function isDryRun(request: ApiRequest): boolean {
  return request.query.get('dryRun') === 'All'
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function parseObject(text: string): JsonObject | undefined {
  const parsed = parseJson(text)
  return isObject(parsed) ? parsed : undefined
}

function seconds(now: number): string {
  return `${new Date(now).toISOString().slice(0, 19)}Z`
}
