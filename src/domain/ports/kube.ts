import type { JsonObject } from '../../base/json.ts'

/** An answer of the API server as it came. No model of the object drops fields that it does not know (facts B.0). */
export type KubeAnswer =
  | {
      readonly kind: 'ok'
      readonly status: number
      readonly object: JsonObject
      /** What the API server warns of; absent where it warns of nothing. */
      readonly warnings?: readonly string[]
    }
  | {
      readonly kind: 'error'
      readonly status: number
      /** What it says for people, cut where it is long. */
      readonly detail: string
      /** The rest of its `Status`; absent where the answer is none, as from a group that is not served. */
      readonly says?: ApiStatus
      /** Milliseconds to wait, where the server says so. */
      readonly retryAfterMs?: number
      /** With this token a list goes on whose own one is too old (410). What follows is newer than what came before. */
      readonly goOn?: string
    }
  | {
      readonly kind: 'unreachable'
      readonly detail: string
      /** The answer was longer than what is read, or did not come in time. A shorter one may arrive. */
      readonly problem?: 'too-large' | 'deadline'
    }

/** What a `Status` of the API server says besides its code and message. */
export interface ApiStatus {
  /** `Invalid`, `Forbidden`, `TooManyRequests`, …; a denial by a webhook may have any, or none. */
  readonly reason?: string
  /** The name of the object that it is about. A patch whose `test` failed is answered without. */
  readonly name?: string
  readonly causes: readonly string[]
}

/** What actions use of the Kubernetes API, to read for plans and to write them. Each call has a deadline. */
export interface Kube {
  get(path: string, signal?: AbortSignal): Promise<KubeAnswer>
  /** Lists only the metadata of objects. Their contents do not leave the server, so that no secret's value ever comes here. */
  metadata(path: string, signal?: AbortSignal): Promise<KubeAnswer>
  /** Reads only the metadata of one object, for the same reason. */
  metadataOf(path: string, signal?: AbortSignal): Promise<KubeAnswer>
  jsonPatch(path: string, operations: readonly unknown[], signal?: AbortSignal): Promise<KubeAnswer>
  post(path: string, object: JsonObject, signal?: AbortSignal): Promise<KubeAnswer>
  put(path: string, object: JsonObject, signal?: AbortSignal): Promise<KubeAnswer>
  delete(path: string, signal?: AbortSignal): Promise<KubeAnswer>
}

/** The name must not begin with `kubectl`, because Flux removes what such managers set (facts D.2). */
export const FIELD_MANAGER = 'astern'
