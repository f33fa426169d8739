import { type Static, Type } from 'typebox'
import { Check } from 'typebox/value'
import { MINUTE } from '../../base/clock.ts'
import { durationOr, formatDuration } from '../../base/duration.ts'
import {
  type Action,
  type Look,
  type PlanInput,
  type PlanResult,
  refused,
  type Tools,
  templateStands,
  type Watched,
  watchedRollout
} from '../../domain/action.ts'
import { hashPlan, type Plan } from '../../domain/plan.ts'
import type { WriteResult } from '../../domain/ports/cluster.ts'
import type { PodSummary, Workload } from '../../domain/workload.ts'
import { appliedWith } from '../../domain/write-result.ts'
import { isObjectName } from '../../templates/object-name.ts'
import { parseTemplate, renderTemplate } from '../../templates/template.ts'
import { EVICT, evict } from '../evict.ts'

/** `with:` of `delete-pod`. */
export const DeletePodWith = Type.Object(
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
    olderThan: Type.Optional(
      Type.String({
        pattern: '^([0-9]+(ms|s|m|h|d|w|y))+$',
        description: 'Younger pods are still starting, and are left alone. Default 5m.'
      })
    )
  },
  { additionalProperties: false }
)

const DEFAULT_OLDER_THAN_MS = 5 * MINUTE
/** One of five: what most rollouts would take away at a time themselves (facts F.3). */
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
  plan,
  apply,
  effect: (made, _intentId, workload) => {
    if (workload.uid !== made.uid) return 'superseded'
    return leftOf(made, workload).length === 0 ? 'seen' : 'not-seen'
  },
  stands: templateStands,
  watch
} satisfies Action

function plan(input: PlanInput): PlanResult {
  const { workload, now } = input
  if (!Check(DeletePodWith, input.with)) throw new Error('the step was not checked at load')
  const options: Static<typeof DeletePodWith> = input.with
  const olderThan = durationOr(options.olderThan, DEFAULT_OLDER_THAN_MS)
  const living = workload.pods.filter(pod => !pod.terminating)
  const unhealthy = living.filter(pod => !pod.ready)
  let chosen = unhealthy
  if (options.pod !== undefined) {
    const name = nameOf(options.pod, input)
    if (typeof name !== 'string') return name
    chosen = living.filter(pod => pod.name === name)
    if (chosen.length === 0) return refused('target-not-found', `${name} is no pod of the target`)
  }
  if (chosen.length === 0) return refused('already-so', 'every pod of the target is ready')
  const among = new Set([...unhealthy, ...chosen])
  const atMost = options.atMost ?? Math.max(1, Math.floor(living.length * DEFAULT_SHARE))
  if (living.length < 2) return refused('too-many-unhealthy', 'it is the only pod')
  if (among.size > atMost)
    return refused('too-many-unhealthy', `${among.size} of ${living.length} pods are unhealthy; at most ${atMost} would be outliers`)
  const kept = chosen.find(pod => !pod.controlled || pod.mirror)
  if (kept !== undefined)
    return refused(
      'unsuitable-target',
      `${kept.name} ${kept.mirror ? 'is a static pod of its node' : 'has no controller'}: it would not come back`
    )
  const young = chosen.find(pod => now - pod.createdAt < olderThan)
  if (young !== undefined)
    return {
      kind: 'refused',
      refusal: {
        reason: 'rollout-moving',
        detail: `${young.name} is younger than ${formatDuration(olderThan)}`,
        until: young.createdAt + olderThan
      }
    }
  const { namespace } = workload.ref
  return {
    kind: 'plan',
    plan: hashPlan({
      action: 'delete-pod',
      target: workload.ref,
      summary: `evict ${chosen.map(told).join(', ')} (${among.size} of ${living.length} unhealthy)`,
      reverse: `nothing to undo: the controller makes another one (kubectl -n ${namespace} get pods)`,
      uid: workload.uid,
      write: { kind: 'eviction', namespace, pods: chosen.map(({ name, uid }) => ({ name, uid })) },
      from: workload.identity,
      to: workload.identity,
      bad: [],
      facts: { unhealthy: [...among].map(told), of: living.length, atMost }
    })
  }
}

function nameOf(source: string, { values }: PlanInput): string | PlanResult {
  const template = parseTemplate(source)
  if ('error' in template) return refused('unsuitable-target', template.error)
  const rendered = renderTemplate(template, values, text =>
    isObjectName('name', text) ? { text } : { unsafe: `${JSON.stringify(text.slice(0, 80))} is no name of a pod` }
  )
  if (rendered.kind === 'text') return rendered.text
  return rendered.kind === 'missing'
    ? refused('label-missing', `${rendered.name} is missing or empty`)
    : refused('label-unsafe', rendered.why)
}

function told({ name, waiting }: PodSummary): string {
  return waiting === undefined ? name : `${name} (${waiting})`
}

function podsOf({ write }: Plan): readonly { readonly name: string; readonly uid: string }[] {
  if (write.kind !== 'eviction') throw new Error('this plan evicts nothing')
  return write.pods
}

/** Those of the plan's pods that are still there as they were. */
function leftOf(made: Plan, { pods }: Workload): readonly { readonly name: string }[] {
  return podsOf(made).filter(({ uid }) => pods.some(pod => pod.uid === uid && !pod.terminating))
}

async function apply(tools: Tools, made: Plan, { dryRun }: { readonly dryRun: boolean }, signal: AbortSignal): Promise<WriteResult> {
  const gone: string[] = []
  for (const pod of podsOf(made)) {
    const result = await evict(tools, made.target.namespace, pod, dryRun, signal)
    if (result.kind === 'gone') {
      gone.push(pod.name)
      continue
    }
    const why = result.kind === 'held' ? result.detail : 'detail' in result.result ? (result.result.detail ?? '') : ''
    // What was done is done: the rest is told, and the confirmation judges.
    if (gone.length > 0 && !dryRun) return appliedWith(`evicted ${gone.join(', ')}; not ${pod.name}: ${why}`, tools.clock.now())
    return result.kind === 'held' ? { kind: 'held', detail: `${pod.name}: ${why}` } : result.result
  }
  return appliedWith(dryRun ? 'accepted' : `evicted ${gone.join(', ')}`, tools.clock.now())
}

async function watch(_tools: Tools, made: Plan, workload: Workload, { since }: Look): Promise<Watched> {
  const left = leftOf(made, workload)
  return left.length > 0
    ? { state: 'moving', detail: `${left.map(({ name }) => name).join(', ')} is still there` }
    : watchedRollout(workload, since)
}
