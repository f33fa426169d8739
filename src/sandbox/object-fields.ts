import { type JsonObject, numberAt, textAt } from '../base/json.ts'

export function replicasOf(object: JsonObject): number {
  return numberAt(object, 'spec', 'replicas') ?? 1
}

export function readyOf(set: JsonObject): number {
  return numberAt(set, 'status', 'readyReplicas') ?? 0
}

export function isReady(pod: JsonObject): boolean {
  return textAt(pod, 'status', 'phase') === 'Running'
}

export function nameOf(object: JsonObject): string {
  return textAt(object, 'metadata', 'name') ?? ''
}

export function namespaceOf(object: JsonObject): string {
  return textAt(object, 'metadata', 'namespace') ?? ''
}

/** Kubernetes writes whole seconds. */
export function seconds(now: number): string {
  return `${new Date(now).toISOString().slice(0, 19)}Z`
}
