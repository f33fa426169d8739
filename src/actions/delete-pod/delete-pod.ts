import { type Static, Type } from 'typebox'
import { MINUTE } from '../../base/clock.ts'
import { durationOr, formatDuration } from '../../base/duration.ts'
import {
  type Look,
  type PlanResult,
  type Refused,
  refused,
  type Tools,
  templateStands,
  type Watched,
  watchedRollout
} from '../../domain/action.ts'
import { hashPlan, type Plan, type WriteIntent } from '../../domain/plan.ts'
import { countedPods, isAvailable, type PodSummary } from '../../domain/pod.ts'
import type { WriteResult } from '../../domain/ports/cluster.ts'
import type { Workload } from '../../domain/workload.ts'
import { appliedWith } from '../../domain/write-result.ts'
import { renderObjectName } from '../../templates/object-name.ts'
import { parseTemplate, renderRefusal } from '../../templates/template.ts'
import { durationField } from '../duration-field.ts'
import { EVICT, evict } from '../evict.ts'
import type { PlanInput, TypedAction } from '../typed-action.ts'

/** `with:` of `delete-pod`. */
const DeletePodWith = Type.Object(
  {
    pod: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'The pod, as a template of the alert’s labels. Without: every pod of the target that is not ready.'
      })
    ),
    atMost: Type.Optional(
      Type.Integer({
        minimum: 1,
        description: 'So many unhealthy pods are outliers; more are nobody’s single fault. Default 1, or a fifth of all.'
      })
    ),
    olderThan: durationField('Younger pods are still starting, and are left alone. Default 5m.')
  },
  { additionalProperties: false }
)
type Options = Static<typeof DeletePodWith>

/** The write: evictions. A pod goes only if it still is the one that was judged, and only if its disruption budget allows. */
interface EvictionWrite {
  readonly kind: 'eviction'
  readonly namespace: string
  readonly pods: readonly { readonly name: string; readonly uid: string }[]
}

const DEFAULT_OLDER_THAN_MS = 5 * MINUTE
/** At most one pod of five, which is about what a rollout takes away at a time (facts F.3). */
const DEFAULT_SHARE = 0.2

/** Evicts single pods that are unhealthy while the others are not. */
export const deletePod = {
  name: 'delete-pod',
  title: 'Evict single unhealthy pods; their controller makes new ones.',
  kinds: ['Deployment', 'StatefulSet', 'DaemonSet', 'Rollout'],
  blames: 'nothing',
  overridesOwner: false,
  cures: true,
  rights: () => [EVICT],
  with: DeletePodWith,
  writes: ['eviction'],
  plan,
  apply,
  effect: ({ plan: made }, workload) => {
    if (workload.uid !== made.uid) return 'superseded'
    return leftOf(made, workload).length === 0 ? 'seen' : 'not-seen'
  },
  stands: templateStands,
  watch
} satisfies TypedAction<typeof DeletePodWith, EvictionWrite>

function plan(input: PlanInput<Options>): PlanResult<EvictionWrite> {
  const { workload, options, now } = input
  const olderThan = durationOr(options.olderThan, DEFAULT_OLDER_THAN_MS)
  const living = countedPods(workload.pods)
  const unhealthy = living.filter(pod => !pod.ready)
  // A pod that its controller could not make is missing as much as one that is not ready, and so is one that is not ready for long enough.
  const missing = Math.max(0, workload.replicas - living.length)
  const starting = living.filter(pod => pod.ready && !isAvailable(pod, workload, now))
  let chosen = unhealthy
  if (options.pod !== undefined) {
    const name = nameOf(options.pod, input)
    if (typeof name !== 'string') return name
    chosen = living.filter(pod => pod.name === name)
    if (chosen.length === 0) return refused('target-not-found', `${name} is no pod of the target`)
  }
  if (chosen.length === 0) return refused('already-so', 'every pod of the target is ready')
  const among = new Set([...unhealthy, ...starting, ...chosen])
  const of = living.length + missing
  const sick = among.size + missing
  const atMost = options.atMost ?? Math.max(1, Math.floor(of * DEFAULT_SHARE))
  if (living.length < 2) return refused('too-many-unhealthy', 'it is the only pod')
  if (sick > atMost)
    return refused(
      'too-many-unhealthy',
      `${sick} of ${of} pods are unhealthy${missing === 0 ? '' : ` (${missing} not there)`}; at most ${atMost} would be outliers`
    )
  const kept = chosen.find(pod => !pod.controlled || pod.mirror)
  if (kept !== undefined)
    return refused(
      'unsuitable-target',
      `${kept.name} ${kept.mirror ? 'is a static pod of its node' : 'has no controller'}: it would not come back`
    )
  const young = chosen.find(pod => now - pod.createdAt < olderThan)
  if (young !== undefined)
    return refused('rollout-moving', `${young.name} is younger than ${formatDuration(olderThan)}`, { until: young.createdAt + olderThan })
  const { namespace } = workload.ref
  return {
    kind: 'plan',
    plan: hashPlan({
      action: 'delete-pod',
      target: workload.ref,
      summary: `evict ${chosen.map(nameAndReason).join(', ')} (${sick} of ${of} unhealthy)`,
      reverse: `nothing to undo: the controller makes another one (kubectl -n ${namespace} get pods)`,
      uid: workload.uid,
      touches: chosen.map(({ name }) => ({ kind: 'Pod', namespace, name })),
      write: { kind: 'eviction', namespace, pods: chosen.map(({ name, uid }) => ({ name, uid })) },
      from: workload.identity,
      to: workload.identity,
      bad: [],
      facts: { unhealthy: [...among].map(nameAndReason), missing, of, atMost }
    })
  }
}

function nameOf(source: string, { values }: PlanInput<Options>): string | Refused {
  const template = parseTemplate(source)
  if ('error' in template) return refused('unsuitable-target', template.error)
  const rendered = renderObjectName(source, 'name', values)
  return rendered.kind === 'text' ? rendered.text : { kind: 'refused', refusal: renderRefusal(rendered) }
}

function nameAndReason({ name, waiting }: PodSummary): string {
  return waiting === undefined ? name : `${name} (${waiting})`
}

/** The plan's pods that are still there. */
function leftOf({ write }: Plan<EvictionWrite>, { pods }: Workload): EvictionWrite['pods'] {
  return write.pods.filter(({ uid }) => pods.some(pod => pod.uid === uid && !pod.terminating))
}

async function apply(
  tools: Tools,
  { plan: { write } }: WriteIntent<EvictionWrite>,
  { dryRun }: { readonly dryRun: boolean },
  signal: AbortSignal
): Promise<WriteResult> {
  const gone: string[] = []
  for (const pod of write.pods) {
    const result = await evict(tools, { namespace: write.namespace, ...pod }, { dryRun }, signal)
    if (result.kind === 'gone') {
      gone.push(pod.name)
      continue
    }
    const { detail: why } = result.result
    // Some pods are gone already. So the write counts as made, the rest is reported, and the confirmation judges.
    if (gone.length > 0 && !dryRun) return appliedWith(`evicted ${gone.join(', ')}; not ${pod.name}: ${why}`, tools.clock.now())
    return { ...result.result, detail: `${pod.name}: ${why}` }
  }
  return appliedWith(dryRun ? 'accepted' : `evicted ${gone.join(', ')}`, tools.clock.now())
}

async function watch(_tools: Tools, made: Plan<EvictionWrite>, { workload, since }: Look): Promise<Watched> {
  const left = leftOf(made, workload)
  return left.length > 0
    ? { state: 'moving', detail: `${left.map(({ name }) => name).join(', ')} is still there` }
    : watchedRollout(workload, since)
}
