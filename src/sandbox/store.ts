import { EventEmitter } from 'node:events'
import { type JsonObject, numberAt, objectAt, textAt } from '../base/json.ts'

/** The resources that the sandbox knows, by their plural. */
export const RESOURCES = {
  namespaces: { kind: 'Namespace', apiVersion: 'v1', namespaced: false },
  deployments: { kind: 'Deployment', apiVersion: 'apps/v1', namespaced: true },
  replicasets: { kind: 'ReplicaSet', apiVersion: 'apps/v1', namespaced: true },
  pods: { kind: 'Pod', apiVersion: 'v1', namespaced: true },
  events: { kind: 'Event', apiVersion: 'events.k8s.io/v1', namespaced: true }
} as const
export type Resource = keyof typeof RESOURCES

export interface StoreEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
  readonly resource: Resource
  readonly object: JsonObject
}

const KEPT_EVENTS = 2_000

/** Keeps objects with their resource versions, and their watchers. Objects are never changed in place. */
export class Store {
  readonly #objects = new Map<string, JsonObject>()
  /** The newest changes, so that a watch can begin at the version of its list. */
  readonly #history: (StoreEvent & { readonly version: number })[] = []
  readonly #events = new EventEmitter<{ event: [StoreEvent] }>().setMaxListeners(0)
  #version = 1

  get version(): number {
    return this.#version
  }

  get(resource: Resource, namespace: string, name: string): JsonObject | undefined {
    return this.#objects.get(keyOf(resource, namespace, name))
  }

  list(resource: Resource, namespace?: string): JsonObject[] {
    const prefix = namespace === undefined ? `${resource}/` : `${resource}/${namespace}/`
    return [...this.#objects].filter(([key]) => key.startsWith(prefix)).map(([, object]) => object)
  }

  /** Stores the object with a new resource version and informs watchers. Like the real server it leaves an equal object alone. */
  put(resource: Resource, object: JsonObject): JsonObject {
    const metadata = objectAt(object, 'metadata')
    const key = keyOf(resource, textAt(metadata, 'namespace') ?? '', textAt(metadata, 'name') ?? '')
    const before = this.#objects.get(key)
    if (before !== undefined && same(before, object)) return before
    this.#version += 1
    const stored = { ...object, metadata: { ...metadata, resourceVersion: String(this.#version) } }
    this.#objects.set(key, stored)
    this.#tell({ type: before === undefined ? 'ADDED' : 'MODIFIED', resource, object: stored })
    return stored
  }

  delete(resource: Resource, namespace: string, name: string): JsonObject | undefined {
    const key = keyOf(resource, namespace, name)
    const object = this.#objects.get(key)
    if (object === undefined) return undefined
    this.#objects.delete(key)
    this.#version += 1
    this.#tell({ type: 'DELETED', resource, object })
    return object
  }

  #tell(event: StoreEvent): void {
    this.#history.push({ ...event, version: this.#version })
    if (this.#history.length > KEPT_EVENTS) this.#history.shift()
    this.#events.emit('event', event)
  }

  /** The changes after a version; undefined where they are too old to be kept. */
  since(version: number): readonly StoreEvent[] | undefined {
    const oldest = this.#history[0]
    if (this.#history.length >= KEPT_EVENTS && oldest !== undefined && version < oldest.version - 1) return undefined
    return this.#history.filter(event => event.version > version)
  }

  subscribe(listener: (event: StoreEvent) => void): () => void {
    this.#events.on('event', listener)
    return () => this.#events.off('event', listener)
  }
}

function keyOf(resource: Resource, namespace: string, name: string): string {
  return `${resource}/${namespace}/${name}`
}

function same(before: JsonObject, after: JsonObject): boolean {
  const strip = (object: JsonObject): string =>
    JSON.stringify({ ...object, metadata: { ...objectAt(object, 'metadata'), resourceVersion: undefined } })
  return strip(before) === strip(after)
}

export function generationOf(object: JsonObject): number {
  return numberAt(object, 'metadata', 'generation') ?? 0
}
