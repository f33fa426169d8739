import type { JsonObject } from '../../base/json.ts'

/** An answer of the API server, raw: no model drops a field that it does not know (facts B.0). */
export type KubeAnswer =
  | { readonly kind: 'ok'; readonly status: number; readonly object: JsonObject }
  | {
      readonly kind: 'error'
      readonly status: number
      readonly detail: string
      /** Milliseconds to wait, where the server says so. */
      readonly retryAfterMs?: number
    }
  | { readonly kind: 'unreachable'; readonly detail: string }

/** The Kubernetes API, as far as plans are read and written. Each call has a deadline. */
export interface Kube {
  get(path: string, signal?: AbortSignal): Promise<KubeAnswer>
  /** A list without its contents: only metadata leaves the server, so that no secret's value ever comes here. */
  metadata(path: string, signal?: AbortSignal): Promise<KubeAnswer>
  jsonPatch(path: string, operations: readonly unknown[], signal?: AbortSignal): Promise<KubeAnswer>
  post(path: string, object: JsonObject, signal?: AbortSignal): Promise<KubeAnswer>
  put(path: string, object: JsonObject, signal?: AbortSignal): Promise<KubeAnswer>
  delete(path: string, signal?: AbortSignal): Promise<KubeAnswer>
}

/** Must not begin with `kubectl`: Flux takes such fields away from their manager (facts D.2). */
export const FIELD_MANAGER = 'astern'
