import { sha256 } from '../base/hashes.ts'
import { instantAt, type JsonObject, listAt, numberAt, textAt } from '../base/json.ts'

export function replicasOf(object: JsonObject): number {
  return numberAt(object, 'spec', 'replicas') ?? 1
}

export function availableOf(set: JsonObject): number {
  return numberAt(set, 'status', 'availableReplicas') ?? 0
}

export function isReady(pod: JsonObject): boolean {
  return textAt(pod, 'status', 'phase') === 'Running'
}

/** Whether a pod has been ready for the owner's `minReadySeconds`. */
export function isAvailable(pod: JsonObject, owner: JsonObject, now: number): boolean {
  const since = instantAt(listAt(pod, 'status', 'conditions')[0], 'lastTransitionTime') ?? now
  return isReady(pod) && now - since >= (numberAt(owner, 'spec', 'minReadySeconds') ?? 0) * 1_000
}

export function nameOf(object: JsonObject): string {
  return textAt(object, 'metadata', 'name') ?? ''
}

export function namespaceOf(object: JsonObject): string {
  return textAt(object, 'metadata', 'namespace') ?? ''
}

/** The characters of which Kubernetes makes names: no vowels, so that they are no words. */
const SAFE = 'bcdfghjklmnpqrstvwxz2456789'

/** A name's generated part, as Kubernetes makes it of a hash. */
export function safeName(of: string, length: number): string {
  return [...sha256(of).slice(0, length)].map(character => SAFE[character.charCodeAt(0) % SAFE.length]).join('')
}

/** Kubernetes writes whole seconds. */
export function seconds(now: number): string {
  return `${new Date(now).toISOString().slice(0, 19)}Z`
}
