import { SECOND } from '../base/clock.ts'
import { formatDuration } from '../base/duration.ts'
import { DEFAULT_CHANGED_WITHIN } from '../domain/change.ts'
import type { OrderFacts } from '../domain/decision-facts.ts'
import type { DatedInput, Guard } from '../domain/guard.ts'
import type { Refusal } from '../domain/reasons.ts'
import { type DatedChange, sinceText } from '../domain/symptom.ts'
import { changedPast } from '../domain/workload.ts'

/** Clocks that differ by more than this cannot order events (rules 2). */
export const SKEW_LIMIT_MS = 5 * SECOND

/** Only a change of this target, in the window before the symptom began, can be to blame (promise 9). */
export const change: Guard<DatedInput> = {
  name: 'change',
  check(input) {
    const { policy, action, clusterOffset, sourceOffset } = input
    const needsBlame = action.blames !== 'nothing' || policy.changedWithin !== undefined
    const skew = [clusterOffset, sourceOffset].find(offset => Math.abs(offset) > SKEW_LIMIT_MS)
    if (skew !== undefined && needsBlame)
      return {
        reason: 'clock-skew',
        detail: `a source’s clock differs from Astern’s by ${formatDuration(Math.abs(skew))}; synchronise the clocks`
      }
    const bad = input.facts.bad.map(({ identity }) => identity)
    // Whoever changed it past the release is to blame, and not the release. The plan says so, and what would help.
    if (action.blames === 'release' && changedPast(input.workload, bad) !== undefined) return mending(input)
    return mending(input) ?? (needsBlame ? blamed(input) : undefined)
  }
}

/** Refuses where somebody changed the target while the symptom was there: they are mending it. */
function mending(input: DatedInput): Refusal | undefined {
  const { symptom, changes } = input.dating
  const during = changes.find(({ order, at }) => order === 'symptom-first' && at >= symptom.since - symptom.resolution)
  return during === undefined ? undefined : refusal('changed-since-symptom', input, during)
}

function blamed(input: DatedInput): Refusal | undefined {
  const { policy, action, dating } = input
  const { changes, undated } = dating
  const suspects: readonly string[] = action.blames === 'nothing' ? ['template', 'release'] : [action.blames]
  const known = changes.filter(({ what }) => suspects.includes(what)).sort((a, b) => b.at - a.at)[0]
  if (known === undefined) {
    const unknown = undated.find(({ what }) => suspects.includes(what))
    // Without a release there is nothing to blame: the plan says so.
    return unknown === undefined ? undefined : { reason: 'change-time-unknown', detail: unknown.why }
  }
  switch (known.order) {
    case 'long-before': {
      const within = formatDuration(policy.changedWithin ?? DEFAULT_CHANGED_WITHIN)
      return refusal('no-recent-change', input, known, `; the window is ${within}`)
    }
    case 'symptom-first':
      return refusal('changed-since-symptom', input, known, '; the queries failed before that change already')
    case 'unclear':
      return refusal('order-unclear', input, known, ': too close to tell which came first')
    case 'change-first':
      return undefined
  }
}

function refusal(reason: Refusal['reason'], input: DatedInput, known: DatedChange, more = ''): Refusal {
  const { workload, facts, dating } = input
  const order: OrderFacts = {
    changedAt: known.at,
    changeKnownBy: known.by,
    symptom: dating.symptom,
    template: workload.identity,
    ...(workload.release?.latest === undefined ? {} : { release: workload.release }),
    ...(facts.markers.length === 0 ? {} : { markers: facts.markers.slice(0, 5) })
  }
  return { reason, detail: `changed ${new Date(known.at).toISOString()}, symptom ${sinceText(dating.symptom)}${more}`, facts: order }
}
