import { MINUTE } from '../base/clock.ts'
import { durationOr } from '../base/duration.ts'
import type { PlanSituation } from '../domain/action.ts'
import type { Revision } from '../domain/workload.ts'

/** Rules 2. */
const DEFAULT_PROVEN_FOR_MS = 10 * MINUTE

/** A step's `provenFor`, in milliseconds. */
export function provenForOf(text: string | undefined): number {
  return durationOr(text, DEFAULT_PROVEN_FOR_MS)
}

export interface Candidate {
  readonly revision: Revision
  /** Why it may not be gone back to; absent where it may. */
  readonly refusedBecause?: string
}

/** What tells whether a revision is proven. */
type History = Pick<PlanSituation, 'workload' | 'observed' | 'bad' | 'incidents'>

/** A stretch of time in which one template was the target's. */
interface Period {
  readonly identity: string
  readonly from: number
  readonly to: number
  readonly by: 'watch' | 'replica-sets'
}

/**
 * The revisions that could be gone back to, newest first, each with the reason against it (rules 2). Proven: when it was
 * replaced it had run for `provenFor` with no incident of the target open, and it is not remembered as bad.
 */
export function judgeRevisions(input: History, provenFor: number): readonly Candidate[] {
  const { workload } = input
  const periods = [...watchedPeriods(input), ...replicaSetPeriods(workload.revisions)]
  const seen = new Set<string>()
  const candidates: Candidate[] = []
  for (const revision of workload.revisions) {
    // Restarts make revisions of one template: the newest stands for all.
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

/** What Astern saw itself: a template stood from one observation to the next one that it saw happen. */
function watchedPeriods(input: History): Period[] {
  const observed = input.observed.filter(template => template.uid === input.workload.uid)
  return observed.flatMap((template, index) => {
    const next = observed[index + 1]
    return next?.seen === true ? [{ identity: template.identity, from: template.at, to: next.at, by: 'watch' as const }] : []
  })
}

/**
 * What the ReplicaSets' creation times tell: a revision ran from its creation to that of the one that was made as the next
 * number. Where that one is gone, or the number was given to one that was taken up again, the end is not clear.
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
