import type { DeployGuard, DeployGuardRequest } from '../deploy-guard.ts'

/** What became of a request for a guard. */
export type StartedGuard =
  | { readonly kind: 'started' | 'attached'; readonly guard: DeployGuard }
  /** A guard of the same version watches already, with other options: `differs` names them. */
  | { readonly kind: 'other-options'; readonly guard: DeployGuard; readonly differs: readonly string[] }
  /** It is not begun: the target is not there, may not be read, or the options make no sense. One sentence. */
  | { readonly kind: 'refused'; readonly why: 'not-found' | 'not-allowed' | 'invalid' | 'unreachable'; readonly detail: string }

/** Starts, shows and stops deploy guards. What the API needs of them. */
export interface DeployGuards {
  start(request: DeployGuardRequest, signal: AbortSignal): Promise<StartedGuard>
  guard(id: string): Promise<DeployGuard | undefined>
  /** The newest first. */
  guards(query: { readonly limit: number; readonly before?: string }): Promise<readonly DeployGuard[]>
  /** Stops it for all who wait for it. A run that it began is not stopped. Undefined where there is none. */
  stop(id: string, by: string): Promise<DeployGuard | undefined>
  /** Resolves with the guard as soon as it differs from what was seen, or when the signal aborts. */
  changed(seen: DeployGuard, signal: AbortSignal): Promise<DeployGuard>
}
