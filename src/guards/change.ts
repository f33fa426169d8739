import { changeOf } from '../domain/change.ts'
import { SECOND } from '../domain/clock.ts'
import { formatDuration } from '../domain/duration.ts'
import type { Guard, GuardInput } from '../domain/guard.ts'
import type { Refusal } from '../domain/reasons.ts'

/** Clocks that differ by more than this cannot order events (rules 2). */
export const SKEW_LIMIT_MS = 5 * SECOND
/** `Date` headers and Kubernetes’ times have whole seconds. */
const RESOLUTION_MS = SECOND

/** What changed, when, and whether it can be to blame: only a change of this target in the window before the symptom began (promise 9). */
export const change: Guard = {
  name: 'change',
  check(input) {
    const { workload, facts, symptom, policy, clusterOffset, sourceOffset } = input
    const skew = [clusterOffset, sourceOffset].find(offset => Math.abs(offset) > SKEW_LIMIT_MS)
    // What this very run wrote was judged when it was written: it is nobody's forward fix, and not the suspect.
    if (input.run.wrote && facts.ownWrites.includes(workload.identity)) return undefined
    const needsBlame = input.blamesChange || policy.changedWithin !== undefined
    if (skew !== undefined && needsBlame)
      return {
        reason: 'clock-skew',
        detail: `a source’s clock differs from Astern’s by ${formatDuration(Math.abs(skew))}; synchronise the clocks`
      }
    const known = changeOf(workload, facts.observed)
    if (known.kind === 'unknown') return needsBlame ? { reason: 'change-time-unknown', detail: known.why } : undefined
    const at = known.at - clusterOffset
    const told = { changedAt: at, changeKnownBy: known.by, symptomAt: symptom.at, symptomKnownBy: symptom.by, template: workload.identity }
    return judge(input, at, needsBlame, told)
  }
}

function judge(input: GuardInput, at: number, needsBlame: boolean, told: Readonly<Record<string, unknown>>): Refusal | undefined {
  const { symptom, policy } = input
  const unclear = Math.abs(input.clusterOffset) + Math.abs(input.sourceOffset) + RESOLUTION_MS
  const times = `changed ${new Date(at).toISOString()}, symptom since ${new Date(symptom.at).toISOString()}`
  if (at > symptom.at + unclear) {
    return { reason: 'changed-since-symptom', detail: times, facts: told }
  }
  if (!needsBlame) return undefined
  if (at > symptom.at - unclear) {
    // A dry run on request has no symptom time of its own: it takes the present, and whatever is there came before.
    if (symptom.by === 'request') return undefined
    return { reason: 'clock-skew', detail: `${times}: too close to tell which came first`, facts: told }
  }
  const within = policy.changedWithin
  if (within !== undefined && at < symptom.at - within)
    return { reason: 'no-recent-change', detail: `${times}; the window is ${formatDuration(within)}`, facts: told }
  return undefined
}
