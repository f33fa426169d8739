import type { ManifestObject } from '../../templates/manifest.ts'

/** One revision of a release, as `helm history` lists it. It has no values, and Astern never asks for them. */
export interface HelmRevision {
  readonly revision: number
  readonly updatedAt: number
  readonly status: string
  readonly chart: string
  readonly appVersion: string
  readonly description: string
}

/** Why helm failed, by the text of its error (facts C.4). */
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
  'unserved',
  'field-conflict',
  'forbidden',
  'stopped',
  'other'
] as const
export type HelmProblem = (typeof HELM_PROBLEMS)[number]

export type HelmAnswer<T> =
  | { readonly kind: 'done'; readonly value: T }
  | { readonly kind: 'failed'; readonly problem: HelmProblem; readonly detail: string; readonly exitCode?: number }

export interface HelmPlace {
  readonly release: string
  readonly namespace: string
}

/** What one revision of a release makes of the cluster. */
export interface RevisionContents {
  readonly objects: readonly ManifestObject[]
  /** The objects that only its hooks make. */
  readonly hooks: readonly ManifestObject[]
}

/** One run of a hook, as the release keeps it. */
export interface HookRun {
  readonly kind: string
  readonly name: string
  /** Such as `pre-rollback`. */
  readonly events: readonly string[]
  /** `Running` also where helm gave up on it: helm writes nothing down then. */
  readonly phase: string
  readonly startedAt: number
}

/** The helm program. */
export interface Helm {
  /** The major version, because flags differ between them. */
  major(signal: AbortSignal): Promise<HelmAnswer<number>>
  /** The revisions of a release, oldest first. */
  history(place: HelmPlace, signal: AbortSignal): Promise<HelmAnswer<readonly HelmRevision[]>>
  /** A digest of the manifest of a revision. */
  manifestDigest(place: HelmPlace, revision: number, signal: AbortSignal): Promise<HelmAnswer<string>>
  /** What a revision makes: the objects of manifest and hooks. Their contents are not kept. */
  contents(place: HelmPlace, revision: number, signal: AbortSignal): Promise<HelmAnswer<RevisionContents>>
  /** The hooks of a revision that were run. */
  hooks(place: HelmPlace, revision: number, signal: AbortSignal): Promise<HelmAnswer<readonly HookRun[]>>
  rollback(args: readonly string[], timeoutMs: number, signal: AbortSignal): Promise<HelmAnswer<undefined>>
}
