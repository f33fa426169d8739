import type { ObservedTemplate, Revision, Workload } from './workload.ts'

/** When the target's present template came to be. Instants in the API server's clock. */
export type Change =
  | { readonly kind: 'known'; readonly at: number; readonly by: 'watch' | 'replica-set' | 'manager' }
  | { readonly kind: 'unknown'; readonly why: string }

/** The condition's time and the manager's must agree to be believed (rules 2). */
const AGREE_WITHIN_MS = 60_000

/**
 * When the present template identity came to be (rules 2): from the watch where Astern saw it; else from the ReplicaSet
 * that was made for it; else, where one was taken up again, from two witnesses that agree. Restarts and scaling are no change.
 */
export function changeOf(workload: Workload, observed: readonly ObservedTemplate[]): Change {
  const newest = observed.filter(template => template.uid === workload.uid).at(-1)
  if (newest?.seen === true && newest.identity === workload.identity) return { kind: 'known', at: newest.at, by: 'watch' }
  const stretch = presentStretch(workload)
  const first = stretch[0]
  if (first === undefined) return { kind: 'unknown', why: 'no ReplicaSet has the present template yet' }
  if (!first.reused) return { kind: 'known', at: first.createdAt, by: 'replica-set' }
  if (stretch.length > 1) return { kind: 'unknown', why: `revision ${first.number} was taken up again and restarted since` }
  const { progressedAt } = workload.rollout
  const managedAt = workload.templateManagedAt
  if (progressedAt === undefined || managedAt === undefined)
    return { kind: 'unknown', why: 'a revision was taken up again, and nothing tells when' }
  if (Math.abs(progressedAt - managedAt) > AGREE_WITHIN_MS)
    return { kind: 'unknown', why: 'a revision was taken up again, and the condition and the field manager disagree about when' }
  return { kind: 'known', at: Math.max(progressedAt, managedAt), by: 'manager' }
}

/** The newest revisions that all have the present template, oldest first. */
function presentStretch(workload: Workload): readonly Revision[] {
  const stretch: Revision[] = []
  for (const revision of workload.revisions) {
    if (revision.identity !== workload.identity) break
    stretch.unshift(revision)
  }
  return stretch
}
