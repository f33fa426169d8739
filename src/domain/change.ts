import { MINUTE, SECOND } from '../base/clock.ts'
import { movedImage } from './moved-image.ts'
import type { ObservedTemplate, Revision, Workload } from './workload.ts'

/** By what Astern knows of a change. */
export type Witness = 'watch' | 'revision' | 'manager' | 'marker' | 'release' | 'pods'

/** When a part of the target became what it is now. Instants in the API server's clock. */
export type Change =
  | { readonly kind: 'known'; readonly at: number; readonly by: Witness }
  | { readonly kind: 'unknown'; readonly why: string }

/** What CI reported of a deployment (`POST /api/v1/deployments`). */
export interface DeployMarker {
  readonly id: string
  /** When Astern received it, by its own clock. A marker counts from here, whatever it says of itself. */
  readonly at: number
  /** When it was deployed, as CI says; only shown. Astern's clock. */
  readonly saidAt?: number
  readonly version: string
  readonly commit?: string
  readonly author?: string
  readonly url?: string
  /** The name of the credential that reported it. */
  readonly by: string
}

/** A change that is older than this is not blamed for a symptom, where the policy sets no other limit (facts F.3). */
export const DEFAULT_CHANGED_WITHIN = 60 * MINUTE

/** Kubernetes' times have whole seconds. What the watch saw, and what was received, has milliseconds. */
export const RESOLUTION_MS: Readonly<Record<Witness, number>> = {
  watch: 0,
  revision: SECOND,
  manager: SECOND,
  marker: 0,
  release: SECOND,
  pods: SECOND
}

/** Two witnesses of one moment may differ by this much and still count as agreeing (rules 2). */
const AGREE_WITHIN_MS = MINUTE

/**
 * When the target got its present template identity (rules 2). The watch says so where Astern saw it; else the revision that was
 * made for it; else, where an old revision was taken up again, two witnesses that agree. Restarts and scaling are no change.
 * @param markers times of deploy markers, API server's clock
 */
export function changeOf(workload: Workload, observed: readonly ObservedTemplate[], markers: readonly number[] = []): Change {
  const newest = observed.filter(template => template.uid === workload.uid).at(-1)
  if (newest?.seen === true && newest.identity === workload.identity) return { kind: 'known', at: newest.at, by: 'watch' }
  const stretch = presentStretch(workload)
  const first = stretch[0]
  if (first === undefined) return { kind: 'unknown', why: 'no revision has the present template yet' }
  if (!first.reused) return { kind: 'known', at: first.createdAt, by: 'revision' }
  if (stretch.length > 1) return { kind: 'unknown', why: `revision ${first.number} was taken up again and restarted since` }
  const { progressedAt } = workload.rollout
  const managedAt = workload.templateManagedAt
  const marker = markers.find(at => managedAt !== undefined && Math.abs(at - managedAt) <= AGREE_WITHIN_MS)
  if (marker !== undefined && managedAt !== undefined) return { kind: 'known', at: Math.max(marker, managedAt), by: 'marker' }
  if (progressedAt === undefined || managedAt === undefined)
    return { kind: 'unknown', why: 'a revision was taken up again, and nothing tells when' }
  if (Math.abs(progressedAt - managedAt) > AGREE_WITHIN_MS)
    return { kind: 'unknown', why: 'a revision was taken up again, and the condition and the field manager disagree about when' }
  return { kind: 'known', at: Math.max(progressedAt, managedAt), by: 'manager' }
}

/** The changes of a target, in the API server's clock. */
export interface TargetChanges {
  readonly template: Change
  /** Absent where no release owns the target. */
  readonly release?: Change
  /** Absent where all pods of the template run the same images. */
  readonly image?: Change
}

/** When the target last changed, in each way that Astern knows of. */
export function changesOf(
  workload: Workload,
  { observed, markers }: { readonly observed: readonly ObservedTemplate[]; readonly markers: readonly DeployMarker[] },
  clusterOffset: number
): TargetChanges {
  const received = markers.map(marker => marker.at + clusterOffset)
  const release = releaseChangeOf(workload)
  const moved = movedImage(workload)
  return {
    template: changeOf(workload, observed, received),
    ...(release === undefined ? {} : { release }),
    ...(moved === undefined ? {} : { image: { kind: 'known', at: moved.at, by: 'pods' } })
  }
}

/** When the release that owns the target last changed; undefined where no release owns it. */
export function releaseChangeOf({ release }: Workload): Change | undefined {
  if (release === undefined) return undefined
  if (release.latest === undefined)
    return {
      kind: 'unknown',
      why: `when release ${release.namespace}/${release.name} changed cannot be seen: ${release.unseen ?? ''}`
    }
  return { kind: 'known', at: release.latest.changedAt, by: 'release' }
}

/** A revision of a release as plans and the ledger name it. */
export function releaseRevision(place: { readonly namespace: string; readonly name: string }, revision: number): string {
  return `${place.namespace}/${place.name}@${revision}`
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
