import { SECOND } from '../base/clock.ts'
import { formatDuration } from '../base/duration.ts'
import { type Change, changeOf, DEFAULT_CHANGED_WITHIN, releaseChangeOf, releaseRevision, type Witness } from '../domain/change.ts'
import type { OrderFacts } from '../domain/decision-facts.ts'
import type { Guard, GuardInput } from '../domain/guard.ts'
import type { Refusal } from '../domain/reasons.ts'

/** Clocks that differ by more than this cannot order events (rules 2). */
export const SKEW_LIMIT_MS = 5 * SECOND
/** Kubernetes' times and `Date` headers have whole seconds. What the watch saw has the milliseconds at which it was received. */
const RESOLUTION_MS: Readonly<Record<Witness, number>> = {
  watch: 0,
  revision: SECOND,
  manager: SECOND,
  marker: SECOND,
  release: SECOND
}

/** Only a change of this target, in the window before the symptom began, can be to blame (promise 9). */
export const change: Guard = {
  name: 'change',
  check(input) {
    const { workload, facts, policy, action, clusterOffset, sourceOffset } = input
    const needsBlame = action.blames !== 'nothing' || policy.changedWithin !== undefined
    const skew = [clusterOffset, sourceOffset].find(offset => Math.abs(offset) > SKEW_LIMIT_MS)
    const { release } = workload
    // This run judged its own writes when it made them. They are neither somebody's fix nor the suspect.
    const wrote = (made: string): boolean => input.run.wrote && facts.ownWrites.includes(made)
    const ownTemplate = wrote(workload.identity)
    const ownRelease = release?.latest !== undefined && wrote(releaseRevision(release, release.latest.revision))
    if (ownTemplate && (release?.latest === undefined || ownRelease)) return undefined
    if (skew !== undefined && needsBlame)
      return {
        reason: 'clock-skew',
        detail: `a source’s clock differs from Astern’s by ${formatDuration(Math.abs(skew))}; synchronise the clocks`
      }
    const markers = facts.markers.map(marker => marker.at + clusterOffset)
    const template = ownTemplate ? undefined : changeOf(workload, facts.observed, markers)
    const ofRelease = ownRelease ? undefined : releaseChangeOf(workload)
    return sinceSymptom(input, [template, ofRelease]) ?? (needsBlame ? blamed(input, template, ofRelease) : undefined)
  }
}

/** Refuses where somebody changed the target since the symptom: they are mending it. The cluster shows it, or CI reported it before. */
function sinceSymptom(input: GuardInput, changes: readonly (Change | undefined)[]): Refusal | undefined {
  const { symptom, clusterOffset, facts } = input
  const known = changes.flatMap(one => (one?.kind === 'known' ? [{ at: one.at - clusterOffset, by: one.by }] : []))
  const later = [...known, ...facts.markers.map(({ at }) => ({ at, by: 'marker' as const }))].find(
    ({ at, by }) => at > symptom.at + unclear(input, by)
  )
  return later === undefined
    ? undefined
    : { reason: 'changed-since-symptom', detail: times(input, later.at), facts: orderFacts(input, later.at, later.by) }
}

function blamed(input: GuardInput, template: Change | undefined, ofRelease: Change | undefined): Refusal | undefined {
  const { symptom, policy, action, clusterOffset } = input
  const suspects = action.blames === 'template' ? [template] : action.blames === 'release' ? [ofRelease] : [template, ofRelease]
  const known = suspects.flatMap(one => (one?.kind === 'known' ? [one] : [])).sort((a, b) => b.at - a.at)[0]
  if (known === undefined) {
    const unknown = suspects.find(one => one?.kind === 'unknown')
    // Without a release there is nothing to blame: the plan says so.
    return unknown?.kind === 'unknown' ? { reason: 'change-time-unknown', detail: unknown.why } : undefined
  }
  const at = known.at - clusterOffset
  if (at > symptom.at - unclear(input, known.by)) {
    // A request has no symptom time of its own, so it takes the present. Whatever is there by then came before it.
    if (symptom.by === 'request') return undefined
    return {
      reason: 'order-unclear',
      detail: `${times(input, at)}: too close to tell which came first`,
      facts: orderFacts(input, at, known.by)
    }
  }
  const within = policy.changedWithin ?? DEFAULT_CHANGED_WITHIN
  if (at < symptom.at - within)
    return {
      reason: 'no-recent-change',
      detail: `${times(input, at)}; the window is ${formatDuration(within)}`,
      facts: orderFacts(input, at, known.by)
    }
  return undefined
}

/** By how much two instants may differ and still leave open which came first, milliseconds. */
function unclear({ clusterOffset, sourceOffset, symptom }: GuardInput, by: Witness): number {
  // A request that follows a deployment at once may be quicker than the watch, so the watch gets a second.
  const resolution = symptom.by === 'request' ? SECOND : RESOLUTION_MS[by]
  return Math.abs(clusterOffset) + Math.abs(sourceOffset) + resolution
}

function times({ symptom }: GuardInput, at: number): string {
  return `changed ${new Date(at).toISOString()}, symptom since ${new Date(symptom.at).toISOString()}`
}

function orderFacts({ symptom, workload, facts }: GuardInput, at: number, by: Witness): OrderFacts {
  return {
    changedAt: at,
    changeKnownBy: by,
    symptomAt: symptom.at,
    symptomKnownBy: symptom.by,
    template: workload.identity,
    ...(workload.release?.latest === undefined ? {} : { release: workload.release }),
    ...(facts.markers.length === 0 ? {} : { markers: facts.markers.slice(0, 5) })
  }
}
