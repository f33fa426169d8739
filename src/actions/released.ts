import { type PlanSituation, type Refused, refused } from '../domain/action.ts'
import { changedPast } from '../domain/past-release.ts'
import type { Workload } from '../domain/workload.ts'
import { badMark } from './helm-rollback/choose.ts'
import { type Candidate, judgeRevisions, provenIn } from './proven.ts'
import { imagesOf } from './template-patch.ts'

/** Whether the present template is that of the release which owns the target. */
export function isReleased({ workload, bad }: Pick<PlanSituation, 'workload' | 'bad'>): boolean {
  return workload.release !== undefined && changedPast(workload, bad) === undefined
}

/** Why the template of a release is not undone, and whether going back by helm would help instead, as far as metadata tells. */
export function releasedRefusal(input: PlanSituation, provenFor: number): Refused {
  const { release, releaseLists } = input.workload
  const unsure =
    releaseLists === undefined ? ' (unconfirmed: only its metadata says so, and Astern does not read what the release contains)' : ''
  const against = againstRollback(input, provenFor)
  const instead =
    against === undefined
      ? 'use helm-rollback, or say evenIfHelmOwned'
      : `helm-rollback cannot help either (${against}); evenIfHelmOwned undoes it all the same`
  return refused(
    'helm-owned',
    `release ${named(release)} made it${unsure}: the next upgrade would bring the version back, and what is not in the template stays; ${instead}`
  )
}

/** Why helm has no revision to go back to; undefined where it may have one. Only helm itself knows what a revision contains. */
function againstRollback(input: PlanSituation, provenFor: number): string | undefined {
  const earlier = input.workload.release?.latest?.earlier
  if (earlier === undefined) return undefined
  if (earlier.length === 0) return 'the release has no earlier revision that was in force'
  const judged = earlier.map(({ revision, from, to }) => ({
    revision,
    ...(input.bad.includes(badMark(revision))
      ? { refusedBecause: 'it is remembered as bad' }
      : provenIn([{ from, to }], { of: badMark(revision), provenFor, incidents: input.incidents, unproven: input.unproven }))
  }))
  if (judged.some(({ refusedBecause }) => refusedBecause === undefined)) return undefined
  return judged.map(({ revision, refusedBecause }) => `revision ${revision} of the release: ${refusedBecause ?? ''}`).join('; ')
}

/**
 * The revisions that an undo could go back to. Where the target was changed past its release, only those that have what the release
 * declares. Each of the others would again be a version that Helm knows nothing of.
 */
export function undoCandidates(input: PlanSituation, provenFor: number): readonly Candidate[] {
  const { release } = input.workload
  const pastRelease = changedPast(input.workload, input.bad)
  const candidates = judgeRevisions(input, provenFor)
  if (pastRelease === undefined) return candidates
  return candidates.map(candidate =>
    pastRelease.declared.includes(candidate.revision.identity)
      ? candidate
      : { revision: candidate.revision, refusedBecause: `release ${named(release)} declares another template` }
  )
}

/** Why a release is not rolled back whose workload was changed past it, and whether an undo of the workload would help instead. */
export function changedPastHelm(input: PlanSituation, provenFor: number): Refused {
  const { workload } = input
  const back = undoCandidates(input, provenFor)
  const chosen = back.find(candidate => candidate.refusedBecause === undefined)
  const why = back.map(({ revision, refusedBecause }) => `revision ${revision.number}: ${refusedBecause ?? ''}`).join('; ')
  const instead =
    chosen === undefined
      ? `rollout-undo cannot help either (${why === '' ? 'no other revision is kept' : why})`
      : `use rollout-undo, which would put revision ${chosen.revision.number} (${imagesOf(chosen.revision.template)}) back`
  return refused('changed-past-helm', `${pastText(workload)}: an earlier revision of the release is not what was there before; ${instead}`)
}

/** Who changed a workload past its release, when, and what of it. */
export function pastText({ release, pastRelease, templateManager, templateManagedAt }: Workload): string {
  const who = templateManager === undefined || templateManager === '' ? '' : ` by ${templateManager}`
  const when = templateManagedAt === undefined ? '' : ` at ${new Date(templateManagedAt).toISOString()}`
  const fields = pastRelease?.fields ?? []
  const what = fields.length === 0 ? 'something was added to the template' : fields.slice(0, 5).join(', ')
  return `changed past release ${named(release)}${who}${when} (${what}), whose revision ${release?.latest?.revision ?? '?'} still declares the version before`
}

function named(release: Workload['release']): string {
  return release === undefined ? '?' : `${release.namespace}/${release.name}`
}
