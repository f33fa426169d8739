import { SECOND } from '../base/clock.ts'
import { formatDuration } from '../base/duration.ts'
import { DEFAULT_CHANGED_WITHIN } from '../domain/change.ts'
import { changeFacts, type OrderFacts } from '../domain/decision-facts.ts'
import type { DatedInput, Guard } from '../domain/guard.ts'
import { lastChange, lastChangeText } from '../domain/last-change.ts'
import { movedImage, movedImageText } from '../domain/moved-image.ts'
import { changedPast } from '../domain/past-release.ts'
import type { Refusal } from '../domain/reasons.ts'
import { type DatedChange, sinceText } from '../domain/symptom.ts'
import type { TemplatePart } from '../domain/template-difference.ts'

/** Clocks that differ by more than this cannot order events (rules 2). */
export const SKEW_LIMIT_MS = 5 * SECOND
const UNCLEAR = ': too close to tell which came first'

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
  const during = changes.find(
    // Nobody mends anything by a tag that a restarted pod happened to follow.
    ({ what, order, at }) => what !== 'image' && order === 'symptom-first' && at >= symptom.since - symptom.resolution
  )
  return during === undefined ? undefined : changedSince(input, during)
}

/** A change that the symptom came before: somebody is fixing forward, unless it was an operator's. */
function changedSince(input: DatedInput, known: DatedChange, more = ''): Refusal {
  return operatorsChange(input, known, more) ?? refusal('changed-since-symptom', input, known, more)
}

/**
 * Refuses to undo what an operator put on the template: it brings nothing back, and the operator puts it on again. That holds whichever
 * came first, the change or the symptom.
 */
function bumped(input: DatedInput, known: DatedChange, more = ''): Refusal | undefined {
  return input.action.blames === 'template' ? operatorsChange(input, known, `${more}; an undo would take back only that`) : undefined
}

function operatorsChange(input: DatedInput, known: DatedChange, more: string): Refusal | undefined {
  const change = known.what === 'template' ? lastChange(input.workload, known.at + input.clusterOffset) : undefined
  return change?.operator === true ? refusal('operator-change', input, known, `${more}; ${ignoreText(change.differs)}`) : undefined
}

/** What to write into the policy, so that the change makes no new version. */
function ignoreText(differs: readonly TemplatePart[]): string {
  const named = (kind: TemplatePart['kind'], key: string): readonly string[] => {
    const names = differs.filter(part => part.kind === kind).map(({ text }) => text.split(' ')[1] ?? '')
    return names.length === 0 ? [] : [`${key}: [${[...new Set(names)].join(', ')}]`]
  }
  const keys = [...named('annotation', 'ignoreAnnotations'), ...named('variable', 'ignoreEnv')]
  return `with ${keys.join(' and ')} the policy takes it for no new version`
}

function blamed(input: DatedInput): Refusal | undefined {
  const { policy, action, dating } = input
  const { changes, undated } = dating
  const suspects: readonly string[] = action.blames === 'nothing' ? ['template', 'release', 'image'] : [action.blames]
  const known = changes.filter(({ what }) => suspects.includes(what)).sort((a, b) => b.at - a.at)[0]
  const image = action.blames === 'nothing' ? undefined : changes.find(({ what }) => what === 'image')
  if (image !== undefined && image.at > (known?.at ?? Number.NEGATIVE_INFINITY)) {
    if (image.order === 'change-first') return refusal('image-moved', input, image)
    if (image.order === 'unclear') return refusal('order-unclear', input, image, UNCLEAR)
  }
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
      return changedSince(input, known, '; the queries failed before that change already')
    case 'unclear':
      return bumped(input, known, UNCLEAR) ?? refusal('order-unclear', input, known, UNCLEAR)
    case 'change-first':
      return bumped(input, known)
  }
}

function refusal(reason: Refusal['reason'], input: DatedInput, known: DatedChange, more = ''): Refusal {
  const { workload, facts, dating, clusterOffset } = input
  const at = known.at + clusterOffset
  const order: OrderFacts = {
    changedAt: known.at,
    changeKnownBy: known.by,
    symptom: dating.symptom,
    template: workload.identity,
    ...changeFacts(workload, known.what === 'template' ? at : undefined),
    ...(workload.release?.latest === undefined ? {} : { release: workload.release }),
    ...(facts.markers.length === 0 ? {} : { markers: facts.markers.slice(0, 5) })
  }
  const detail = `changed ${new Date(known.at).toISOString()}${whatChanged(input, known, at)}, symptom ${sinceText(dating.symptom)}${more}`
  return { reason, detail, facts: order }
}

/** Who changed what, as far as the cluster shows it. */
function whatChanged({ workload }: DatedInput, { what }: DatedChange, at: number): string {
  const moved = what === 'image' ? movedImage(workload) : undefined
  if (moved !== undefined) return ` (${movedImageText(moved)})`
  return what === 'template' ? lastChangeText(lastChange(workload, at)) : ''
}
