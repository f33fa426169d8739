/** One revision of a release, as `helm history` tells it. Values are no part of it, and are never asked for. */
export interface HelmRevision {
  readonly revision: number
  readonly updatedAt: number
  readonly status: string
  readonly chart: string
  readonly appVersion: string
  readonly description: string
}

/** Why helm gave no answer, by what it said (facts C.4). */
export const HELM_PROBLEMS = [
  'not-installed',
  'release-not-found',
  'revision-gone',
  'busy',
  'lost-race',
  'no-deployed-release',
  'not-ready-in-time',
  'unreachable',
  'unbuildable',
  'forbidden',
  'stopped',
  'other'
] as const
export type HelmProblem = (typeof HELM_PROBLEMS)[number]

export type HelmAnswer<T> =
  | { readonly kind: 'done'; readonly value: T }
  | { readonly kind: 'failed'; readonly problem: HelmProblem; readonly detail: string }

export interface HelmPlace {
  readonly release: string
  readonly namespace: string
}

/** The helm program. */
export interface Helm {
  /** Its major version: flags differ. */
  major(signal: AbortSignal): Promise<HelmAnswer<number>>
  /** Oldest first. */
  history(place: HelmPlace, signal: AbortSignal): Promise<HelmAnswer<readonly HelmRevision[]>>
  /** A digest of what a revision makes of the cluster; the text itself goes nowhere. */
  manifestDigest(place: HelmPlace, revision: number, signal: AbortSignal): Promise<HelmAnswer<string>>
  rollback(args: readonly string[], timeoutMs: number, signal: AbortSignal): Promise<HelmAnswer<undefined>>
}
