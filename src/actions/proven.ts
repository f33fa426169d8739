import { MINUTE, SECOND } from '../base/clock.ts'
import { durationOr, formatDuration } from '../base/duration.ts'
import type { PlanSituation, Proof } from '../domain/action.ts'
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
  /** When it proved itself; absent where it need not, or may not be gone back to. */
  readonly proof?: Proof
}

/** What shows whether a revision is proven. */
type History = Pick<PlanSituation, 'workload' | 'observed' | 'bad' | 'incidents' | 'unproven' | 'passed'>

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
    candidates.push({ revision, ...judged(revision, periods, input, provenFor) })
  }
  return candidates
}

function judged(revision: Revision, periods: readonly Period[], input: History, provenFor: number): Omit<Candidate, 'revision'> {
  const { identity, reused } = revision
  if (input.bad.includes(identity)) return { refusedBecause: 'it is remembered as bad' }
  const own = asWatched(periods.filter(period => period.identity === identity))
  const passed = input.passed.includes(identity)
  if (own.length === 0 && passed) return {}
  if (own.length === 0)
    return { refusedBecause: reused ? 'it was taken up again, and Astern did not see for how long it ran' : 'how long it ran is not known' }
  return provenIn(own, { of: identity, provenFor: passed ? 0 : provenFor, ...input })
}

/** Where Astern watched the end of a period it knows it to the millisecond. The creation times then only say how early it began. */
function asWatched(periods: readonly Period[]): readonly Period[] {
  const { watch: watched = [], 'replica-sets': others = [] } = Object.groupBy(periods, period => period.by)
  const known = others.map(period => {
    const same = watched.findLast(seen => seen.from < period.to && seen.to > period.from)
    return same === undefined ? period : { ...same, from: Math.min(same.from, period.from) }
  })
  return [...watched, ...known]
}

/** Whether a version proved itself in one of the periods in which it ran, and in which. */
export function provenIn(
  periods: readonly { readonly from: number; readonly to: number }[],
  {
    of,
    provenFor,
    incidents,
    unproven
  }: { readonly of: string; readonly provenFor: number } & Pick<PlanSituation, 'incidents' | 'unproven'>
): Omit<Candidate, 'revision'> {
  const long = periods.filter(period => period.to - period.from >= provenFor).sort((a, b) => b.to - a.to)
  const time = provenFor < SECOND ? '0s' : formatDuration(provenFor)
  if (long.length === 0) return { refusedBecause: `it did not run for ${time} before it was replaced` }
  const quiet = long.find(
    period => !incidents.some(incident => incident.from < period.to && (incident.to ?? Number.POSITIVE_INFINITY) > period.to - provenFor)
  )
  if (quiet === undefined) return { refusedBecause: 'an incident of the target was open when it was replaced' }
  if (unproven.includes(of)) return { refusedBecause: `the queries failed in its last ${time}` }
  return provenFor === 0 ? {} : { proof: { of, from: quiet.to - provenFor, to: quiet.to } }
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
