import { MINUTE, SECOND } from '../../base/clock.ts'
import type { Effect } from '../../domain/action.ts'
import type { WriteIntent } from '../../domain/plan.ts'
import type { NotApplied, WriteResult } from '../../domain/ports/cluster.ts'
import type { Release, Workload } from '../../domain/workload.ts'
import { appliedWith } from '../../domain/write-result.ts'
import { withFlags } from './arguments.ts'
import { failedRollback } from './failed.ts'
import type { Helm, HelmPlace, HelmProblem } from './helm-port.ts'

/** The write: `helm rollback`. Helm has no precondition, so `latest` is read right before, and the new revision must be the next. */
export interface HelmWrite extends HelmPlace {
  readonly kind: 'helm-rollback'
  readonly latest: number
  readonly to: number
  /** How long helm waits until what it made is ready, milliseconds. */
  readonly timeoutMs: number
  readonly arguments: readonly string[]
}

/** Makes the rollback of a release to a revision, with every argument of helm. */
export function rollbackOf(release: Release, { latest, to, timeoutMs }: Pick<HelmWrite, 'latest' | 'to' | 'timeoutMs'>): HelmWrite {
  const { name, namespace } = release
  return {
    kind: 'helm-rollback',
    release: name,
    namespace,
    latest,
    to,
    timeoutMs,
    arguments: [
      'rollback',
      '--namespace',
      namespace,
      // Helm 4 has several ways to wait. This is its default one.
      '--wait',
      '--timeout',
      `${Math.round(timeoutMs / SECOND)}s`,
      '--cleanup-on-fail',
      // Helm must not prune the oldest revisions, because they are evidence.
      '--history-max',
      '0',
      '--',
      name,
      String(to)
    ]
  }
}

/** Rolls back. Helm has no precondition, so the latest revision is read right before, and the new one must be the next (rules 3). */
export async function rollBack(helm: Helm, write: HelmWrite, now: () => number, signal: AbortSignal): Promise<WriteResult> {
  const moved = await movedOn(helm, write, signal)
  if (moved !== undefined) return moved
  const done = await helm.rollback(write.arguments, write.timeoutMs, signal)
  const after = await helm.history(write, signal)
  if (after.kind === 'failed') return { kind: 'unknown', detail: `${done.kind === 'failed' ? `${done.detail}; ` : ''}${after.detail}` }
  const newest = after.value.at(-1)
  if (newest?.revision === write.latest)
    return done.kind === 'failed'
      ? notWritten(done.problem, done.detail)
      : { kind: 'unknown', detail: 'helm said it was done, and made no revision' }
  if (newest?.revision !== write.latest + 1 || !isOurs(newest.description, write.to))
    return {
      kind: 'unknown',
      detail: `revision ${newest?.revision ?? '?'} is not the one that was asked for: ${newest?.description ?? ''}`
    }
  if (done.kind === 'failed' || newest.status !== 'deployed')
    return failedRollback(helm, write, { newest, ...(done.kind === 'failed' ? { said: done } : {}) }, signal)
  return appliedWith(`revision ${newest.revision}: ${newest.description}`, now())
}

/** Makes helm's own dry run, which only reads and does not wait. */
export async function tryRollBack(helm: Helm, write: HelmWrite, now: () => number, signal: AbortSignal): Promise<WriteResult> {
  const moved = await movedOn(helm, write, signal)
  if (moved !== undefined) return moved
  const withoutWait = write.arguments.filter(argument => argument !== '--wait')
  const tried = await helm.rollback(withFlags(withoutWait, ['--dry-run']), write.timeoutMs, signal)
  return tried.kind === 'done' ? appliedWith('helm would do it', now()) : notWritten(tried.problem, tried.detail)
}

/** Why the write may not be made: the release has changed since it was judged, or helm does not say. */
async function movedOn(helm: Helm, write: HelmWrite, signal: AbortSignal): Promise<NotApplied | undefined> {
  const before = await helm.history(write, signal)
  if (before.kind === 'failed') return notWritten(before.problem, before.detail)
  const latest = before.value.at(-1)?.revision
  return latest === write.latest
    ? undefined
    : { kind: 'conflict', detail: `the release is at revision ${latest ?? 'none'}, not at ${write.latest} any more` }
}

function notWritten(problem: HelmProblem, detail: string): NotApplied {
  if (problem === 'forbidden') return { kind: 'forbidden', detail }
  if (problem === 'release-not-found') return { kind: 'not-found', detail }
  return problem === 'unreachable' || problem === 'stopped' ? { kind: 'unknown', detail } : { kind: 'refused', detail }
}

/** What helm writes of a rollback that went well, and of one that did not. */
function isOurs(description: string, to: number): boolean {
  return description === `Rollback to ${to}` || /^(Rollback|Release) .* failed/.test(description)
}

/** Whether the release's history has the revision that the write makes. */
export async function effectOfRollback(
  helm: Helm,
  { plan: { uid, write }, createdAt }: WriteIntent<HelmWrite>,
  { workload, now }: { readonly workload: Workload; readonly now: number },
  signal: AbortSignal
): Promise<Effect> {
  if (workload.uid !== uid) return 'superseded'
  const history = await helm.history(write, signal)
  // Helm does not say now whether the revision is there. The run looks again, until the time is up.
  if (history.kind === 'failed') return 'moving'
  const newest = history.value.at(-1)
  if (newest === undefined || newest.revision < write.latest) return 'superseded'
  if (newest.revision === write.latest) return 'not-seen'
  if (newest.revision > write.latest + 1 || !isOurs(newest.description, write.to)) return 'superseded'
  if (newest.status === 'pending-rollback' && now < createdAt + longestRollback(write)) return 'moving'
  return newest.status === 'pending-rollback' || newest.status === 'failed' ? failedRollback(helm, write, { newest }, signal) : 'seen'
}

/** A helm that takes a minute longer than its own limit hangs, and is stopped, or has died (milliseconds). */
export function longestRollback({ timeoutMs }: Pick<HelmWrite, 'timeoutMs'>): number {
  return timeoutMs + MINUTE
}
