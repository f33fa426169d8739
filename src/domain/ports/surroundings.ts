import type { JsonObject } from '../../base/json.ts'
import type { PodNeed } from '../pod-needs.ts'
import type { PodSecurityLabels } from '../pod-security.ts'

/** What was seen, as far as Astern may look. `unseen`: it may not, and `why` says so. */
export type Looked<T> =
  | { readonly kind: 'seen'; readonly value: T }
  | { readonly kind: 'unseen'; readonly why: string }
  | { readonly kind: 'no-answer'; readonly detail: string }

/** Whether an object is there. `going`: it is being deleted. */
export type Presence = 'there' | 'going' | 'gone'

/** What is around a target in its namespace, as far as Astern has the rights. It only reads, and of objects only their metadata. */
export interface Surroundings {
  presence(namespace: string, need: PodNeed, signal: AbortSignal): Promise<Looked<Presence>>
  /** The quotas of the namespace. */
  quotas(namespace: string, signal: AbortSignal): Promise<Looked<readonly JsonObject[]>>
  /** What the namespace's labels say of Pod Security. */
  podSecurity(namespace: string, signal: AbortSignal): Promise<Looked<PodSecurityLabels>>
  /** Whether the API server serves the kind in that version now, and not only once. */
  serves(apiVersion: string, kind: string, signal: AbortSignal): Promise<boolean | 'no-answer'>
}
