import { MINUTE } from '../base/clock.ts'
import { durationOr } from '../base/duration.ts'
import type { PlanSituation } from '../domain/action.ts'
import type { Revision } from '../domain/workload.ts'

/** How long a revision must have run without an incident to count as proven, where a step does not say (rules 2). */
const DEFAULT_PROVEN_FOR_MS = 10 * MINUTE

/** A step's `provenFor`, in milliseconds. */
export function provenForOf(text: string | undefined): number {
  return durationOr(text, DEFAULT_PROVEN_FOR_MS)
}

export interface Candidate {
  readonly revision: Revision
  /** Why the target may not go back to this revision; absent where it may. */
  readonly refusedBecause?: string
}

/** What shows whether a revision is proven. */
type History = Pick<PlanSituation, 'workload' | 'observed' | 'bad' | 'incidents'>

/** A period in which one template was the target's. */
interface Period {
  readonly identity: string
  readonly from: number
  readonly to: number
  readonly by: 'watch' | 'replica-sets'
}

/**
 * The revisions that the target could go back to, newest first, each with the reason against it (rules 2). A revision is proven
 * if it had run for `provenFor` with no incident of the target open when it was replaced, and is not remembered as bad.
 */
export function judgeRevisions(input: History, provenFor: number): readonly Candidate[] {
  const { workload } = input
  const periods = [...watchedPeriods(input), ...replicaSetPeriods(workload.revisions)]
  const seen = new Set<string>()
  const candidates: Candidate[] = []
  for (const revision of workload.revisions) {
    // Restarts make several revisions of one template. Only the newest of them is a candidate.
    if (revision.identity === workload.identity || seen.has(revision.identity)) continue
    seen.add(revision.identity)
    const because = whyNot(revision, periods, input, provenFor)
    candidates.push({ revision, ...(because === undefined ? {} : { refusedBecause: because }) })
  }
  return candidates
}

function whyNot(revision: Revision, periods: readonly Period[], input: History, provenFor: number): string | undefined {
  if (input.bad.includes(revision.identity)) return 'it is remembered as bad'
  const own = periods.filter(period => period.identity === revision.identity)
  if (own.length === 0)
    return revision.reused ? 'it was taken up again, and Astern did not see for how long it ran' : 'how long it ran is not known'
  const longEnough = own.filter(period => period.to - period.from >= provenFor)
  if (longEnough.length === 0) return `it did not run for ${Math.round(provenFor / 1_000)} s before it was replaced`
  const quiet = longEnough.some(
    period =>
      !input.incidents.some(incident => incident.from < period.to && (incident.to ?? Number.POSITIVE_INFINITY) > period.to - provenFor)
  )
  return quiet ? undefined : 'an incident of the target was open when it was replaced'
}

/** The periods that Astern saw itself: from the observation of one template to the next change that it saw happen. */
function watchedPeriods(input: History): Period[] {
  const observed = input.observed.filter(template => template.uid === input.workload.uid)
  return observed.flatMap((template, index) => {
    const next = observed[index + 1]
    return next?.seen === true ? [{ identity: template.identity, from: template.at, to: next.at, by: 'watch' as const }] : []
  })
}

/**
 * The periods by the ReplicaSets' creation times: a revision ran from its creation to that of the revision that was made as the
 * next number. Where that one is gone, or the next number went to one that was taken up again, the end is not known.
 */
function replicaSetPeriods(revisions: readonly Revision[]): Period[] {
  const made = [...Map.groupBy(revisions, revision => revision.madeAs)]
    .flatMap(([number, sets]) => (number === undefined || sets.length > 1 ? [] : sets.map(set => ({ ...set, number }))))
    .sort((a, b) => a.number - b.number)
  const periods: Period[] = []
  for (const [index, revision] of made.entries()) {
    const next = made[index + 1]
    if (next?.number !== revision.number + 1 || next.createdAt < revision.createdAt) continue
    const last = periods.at(-1)
    if (last !== undefined && last.identity === revision.identity && last.to === revision.createdAt)
      periods[periods.length - 1] = { ...last, to: next.createdAt }
    else periods.push({ identity: revision.identity, from: revision.createdAt, to: next.createdAt, by: 'replica-sets' })
  }
  return periods
}
