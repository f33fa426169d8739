import { applyPatch, type Operation } from 'rfc6902'
import { type JsonObject, listAt, objectAt, textAt } from '../../src/base/json.ts'
import type { Kube, KubeAnswer } from '../../src/domain/ports/kube.ts'

/** Objects of the API by their path, in memory: patches hold their tests, and what was written is told. */
export class StoryKube implements Kube {
  readonly objects = new Map<string, JsonObject>()
  /** `PATCH /path`, dry runs apart. */
  readonly writes: string[] = []
  /** The objects out of whose field managers Astern was taken, once for each time. */
  readonly givenUp: string[] = []
  /** What happens when something is written; undefined: what a plain API server would do. */
  onPost: ((path: string, object: JsonObject) => KubeAnswer) | undefined
  /** After a patch or a put: what a controller would do. */
  onChange: ((path: string, object: JsonObject) => void) | undefined

  async get(path: string): Promise<KubeAnswer> {
    // All of a list is on its first page here.
    const object = this.objects.get(path.replace(/[?&]limit=\d+$/, ''))
    return object === undefined ? { kind: 'error', status: 404, detail: `${path} not found` } : { kind: 'ok', status: 200, object }
  }

  metadata(path: string): Promise<KubeAnswer> {
    return this.get(path)
  }

  metadataOf(path: string): Promise<KubeAnswer> {
    return this.get(path)
  }

  async jsonPatch(asked: string, operations: readonly unknown[]): Promise<KubeAnswer> {
    const [path = '', query = ''] = asked.split('?')
    const before = this.objects.get(path)
    if (before === undefined) return { kind: 'error', status: 404, detail: `${path} not found` }
    const object = structuredClone(before) as Record<string, unknown>
    // A `test` for null holds for what is not there.
    const real = operations.filter(
      operation => !(textAt(operation, 'op') === 'test' && (operation as { readonly value?: unknown }).value === null)
    )
    const failed = applyPatch(object, real as Operation[]).find(result => result !== null)
    if (failed !== undefined)
      return { kind: 'error', status: 422, detail: 'the server rejected our request due to an error in our request', says: { causes: [] } }
    if (query.includes('dryRun=All')) return { kind: 'ok', status: 200, object }
    const changes = operations.flatMap(operation => (textAt(operation, 'op') === 'test' ? [] : (textAt(operation, 'path') ?? '')))
    if (changes.every(change => change.startsWith('/metadata/managedFields/'))) this.givenUp.push(path)
    else {
      this.writes.push(`PATCH ${path}`)
      // What is written of a status stands in no manifest.
      if (query.includes('fieldManager=astern') && !path.endsWith('/status')) this.own(object)
    }
    this.#store(path, object)
    return { kind: 'ok', status: 200, object }
  }

  /** Astern's entry among the field managers of an object. */
  own(object: Record<string, unknown>, subresource?: string): void {
    const metadata = objectAt(object, 'metadata')
    const others = listAt(metadata, 'managedFields').filter(entry => textAt(entry, 'manager') !== 'astern')
    const entry = { manager: 'astern', operation: 'Update', ...(subresource === undefined ? {} : { subresource }) }
    object['metadata'] = { ...metadata, managedFields: [...others, entry] }
  }

  /** The paths of the objects that still have an entry of Astern's. */
  owned(): readonly string[] {
    return [...this.objects].flatMap(([path, object]) =>
      listAt(object, 'metadata', 'managedFields').some(entry => textAt(entry, 'manager') === 'astern') ? [path] : []
    )
  }

  async put(path: string, object: JsonObject): Promise<KubeAnswer> {
    const [bare = '', query = ''] = path.split('?')
    const before = this.objects.get(bare)
    if (textAt(before, 'metadata', 'resourceVersion') !== textAt(object, 'metadata', 'resourceVersion'))
      return { kind: 'error', status: 409, detail: 'the object has been modified' }
    if (query.includes('dryRun=All')) return { kind: 'ok', status: 200, object }
    this.writes.push(`PUT ${bare}`)
    const whole = this.objects.get(bare.replace(/\/scale$/, ''))
    if (bare.endsWith('/scale') && whole !== undefined) this.own(whole as Record<string, unknown>, 'scale')
    this.#store(bare, object)
    return { kind: 'ok', status: 200, object }
  }

  async post(path: string, object: JsonObject): Promise<KubeAnswer> {
    if (path.includes('dryRun=All')) return { kind: 'ok', status: 201, object }
    const answer = this.onPost?.(path, object) ?? { kind: 'ok', status: 201, object }
    if (answer.kind === 'ok') this.writes.push(`POST ${path}`)
    return answer
  }

  async delete(path: string): Promise<KubeAnswer> {
    this.objects.delete(path)
    return { kind: 'ok', status: 200, object: {} }
  }

  /** A list, and each of its objects at its own path. */
  putList(path: string, items: readonly JsonObject[]): void {
    this.objects.set(path, { items })
    for (const item of items) this.objects.set(`${path}/${textAt(item, 'metadata', 'name') ?? ''}`, item)
  }

  #store(path: string, object: JsonObject): void {
    this.objects.set(path, object)
    const collection = path.split('/').slice(0, -1).join('/')
    const list = this.objects.get(collection)
    const name = textAt(object, 'metadata', 'name')
    if (Array.isArray(list?.['items']))
      this.objects.set(collection, {
        items: listAt(list, 'items').map(item => (textAt(item, 'metadata', 'name') === name ? object : item))
      })
    this.onChange?.(path, object)
  }
}
