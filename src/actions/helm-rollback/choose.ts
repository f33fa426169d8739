import type { PlanSituation, Proof } from '../../domain/action.ts'
import type { Touched } from '../../domain/touched.ts'
import { provenIn } from '../proven.ts'
import type { SeenFits, Unfit } from '../seen-fits.ts'
import type { HelmRevision } from './helm-port.ts'
import type { RevisionObjects } from './objects.ts'

/** What was seen of a release: its history, and for each revision that may be chosen a digest of the objects that it makes. */
export interface SeenRelease {
  readonly major: number
  readonly history: readonly HelmRevision[]
  readonly digests: ReadonlyMap<number, string>
  /** The objects that the present revisions make, and the one to go back to. */
  readonly objects: ReadonlyMap<number, RevisionObjects>
  /** What of them says in the cluster that it must not go back. */
  readonly closed?: readonly Touched[]
  /** Which revisions could not run here today; absent where nothing was looked at. */
  readonly fits?: SeenFits
}

/** What shows whether a revision is proven. */
type Past = Pick<PlanSituation, 'bad' | 'incidents' | 'unproven'>

export interface ReleaseCandidate {
  readonly revision: HelmRevision
  readonly refusedBecause?: string
  /** Set where it is proven good, and only could not run here today. */
  readonly cannotRun?: Unfit
  /** When it proved itself; absent where it need not, or may not be gone back to. */
  readonly proof?: Proof
}

/** The states of a revision that was in force once. `failed` and `pending-…` ones never were. */
const WAS_DEPLOYED: ReadonlySet<string> = new Set(['superseded', 'deployed'])

/** The revision whose contents this one has. "Rollback to N" has N's contents, so the judgement of N holds for it. */
export function originOf(revision: HelmRevision, history: readonly HelmRevision[]): number {
  const found = /^Rollback to (\d+)$/.exec(revision.description)
  const to = found === null ? undefined : history.find(other => other.revision === Number(found[1]))
  if (to === undefined || to.revision >= revision.revision) return found === null ? revision.revision : Number(found[1])
  return originOf(to, history)
}

/** The mark by which the ledger remembers a revision as bad. */
export function badMark(origin: number): string {
  return `release@${origin}`
}

/**
 * The revisions that the release could go back to, newest first, each with the reason against it. `current - 1` is not taken
 * blindly, because it may have failed, or have the bad contents too (facts C.1).
 */
export function judgeReleases(seen: Pick<SeenRelease, 'history' | 'digests'>, past: Past, provenFor: number): readonly ReleaseCandidate[] {
  const { history } = seen
  const latest = history.at(-1)
  if (latest === undefined) return []
  const taken = new Set<number>()
  const candidates: ReleaseCandidate[] = []
  for (const revision of [...history].reverse()) {
    if (revision === latest) continue
    const judgement = judged(revision, seen, past, provenFor)
    const origin = originOf(revision, history)
    // Of several revisions with the same contents only the newest that may be taken is a candidate.
    if (taken.has(origin)) continue
    if (judgement.refusedBecause === undefined) taken.add(origin)
    candidates.push({ revision, ...judgement })
  }
  return candidates
}

function judged(
  revision: HelmRevision,
  { history, digests }: Pick<SeenRelease, 'history' | 'digests'>,
  past: Past,
  provenFor: number
): Omit<ReleaseCandidate, 'revision'> {
  const no = (refusedBecause: string) => ({ refusedBecause })
  const latest = history.at(-1)
  if (!WAS_DEPLOYED.has(revision.status)) return no(`it is ${revision.status}`)
  const origin = originOf(revision, history)
  if (latest === undefined || origin === originOf(latest, history)) return no('it is what is deployed now')
  if (past.bad.includes(badMark(origin))) return no('it is remembered as bad')
  const digest = digests.get(revision.revision)
  if (digest === undefined) return no('what it makes cannot be read')
  if (digest === digests.get(latest.revision)) return no('it makes the same of the cluster as what is deployed now')
  const periods = history.flatMap(other => {
    if (originOf(other, history) !== origin || !WAS_DEPLOYED.has(other.status)) return []
    // The next revision ended this one. Where the next one was pruned, the end is not known.
    const next = history.find(later => later.revision === other.revision + 1)
    return next === undefined ? [] : [{ from: other.updatedAt, to: next.updatedAt }]
  })
  if (periods.length === 0) return no('how long it ran is not known')
  return provenIn(periods, { of: badMark(origin), provenFor, ...past })
}
