import { DAY, MINUTE } from '../../base/clock.ts'
import { durationOr, formatDuration } from '../../base/duration.ts'
import { textAt } from '../../base/json.ts'
import {
  type Effect,
  type GivenUp,
  type Look,
  type PlanResult,
  refused,
  type Tools,
  templateStands,
  type Watched,
  watchedRollout
} from '../../domain/action.ts'
import { KINDS, objectPath } from '../../domain/objects.ts'
import { hashPlan, INTENT_ANNOTATION, type Plan, type WriteIntent } from '../../domain/plan.ts'
import type { WriteResult } from '../../domain/ports/cluster.ts'
import type { KubeAnswer } from '../../domain/ports/kube.ts'
import type { Workload } from '../../domain/workload.ts'
import { giveUpEntries, testedUid } from '../field-ownership.ts'
import { afterScale } from '../next-deploy.ts'
import type { PlanInput, TypedAction } from '../typed-action.ts'
import { listedAutoscaler, readAutoscaler } from './autoscaler.ts'
import { giveBack } from './give-back.ts'
import { type Means, type ScaleWrite, throughAutoscaler, throughSubresource } from './means.ts'
import { observe, type SeenScale } from './observe.ts'
import { checkScale, type ScaleOptions, ScaleWith, wantedReplicas } from './options.ts'
import { type NodeRoom, type QuotaRoom, quotaRefusal, quotaRoom, unnamedRefusal } from './room.ts'
import { writeScale } from './write-scale.ts'

/** Changes the number of pods, through the autoscaler where one decides it, and gives it back later. */
export const scale = {
  name: 'scale',
  title: 'Run more pods for a while, through the autoscaler where there is one.',
  kinds: ['Deployment', 'StatefulSet', 'Rollout'],
  blames: 'nothing',
  overridesOwner: true,
  cures: true,
  rights: kind => [
    { verb: 'get', group: KINDS[kind].group, resource: `${KINDS[kind].resource}/scale` },
    { verb: 'update', group: KINDS[kind].group, resource: `${KINDS[kind].resource}/scale` },
    { verb: 'list', group: 'autoscaling', resource: 'horizontalpodautoscalers' },
    { verb: 'patch', group: 'autoscaling', resource: 'horizontalpodautoscalers' },
    { verb: 'list', group: 'keda.sh', resource: 'scaledobjects' },
    { verb: 'list', group: '', resource: 'resourcequotas' }
  ],
  with: ScaleWith,
  check: checkScale,
  writes: ['scale', 'json-patch'],
  observe,
  plan,
  apply,
  effect,
  stands: templateStands,
  watch,
  giveUpFields,
  giveBack
} satisfies TypedAction<typeof ScaleWith, ScaleWrite, SeenScale>

function plan({ workload, options }: PlanInput<ScaleOptions>, seen: SeenScale): PlanResult<ScaleWrite> {
  if (workload.replicas === 0) return refused('unsuitable-target', 'it has 0 replicas: somebody turned it off')
  const [scaledObject] = seen.scaledObjects ?? []
  if (scaledObject !== undefined) return refused('autoscaler-owned', scaledObject.detail)
  const wanted = wantedReplicas(workload.replicas, options)
  const [autoscaler, another] = seen.autoscalers
  if (another !== undefined)
    return refused('autoscaler-owned', `several autoscalers scale it: ${seen.autoscalers.map(({ name }) => name).join(', ')}`)
  const { connections } = options
  if (connections !== undefined && wanted * connections.perReplica > connections.atMost)
    return refused(
      'out-of-bounds',
      `${wanted} pods take ${wanted * connections.perReplica} connections, and there are ${connections.atMost}`
    )
  const found = autoscaler === undefined ? throughSubresource(workload, wanted) : throughAutoscaler(workload, autoscaler, wanted, options)
  if (found.kind === 'refused') return found
  const { means } = found
  const more = means.write.replicas - workload.replicas
  const pod = seen.pod ?? workload.template
  const full =
    quotaRefusal(seen.quotas, pod, more) ?? (more > 0 && seen.pod !== undefined ? unnamedRefusal(seen.quotas, seen.pod) : undefined)
  if (full !== undefined) return refused('no-room', full)
  const quotas = quotaRoom(seen.quotas, { template: pod }, more)
  return { kind: 'plan', plan: planOf(workload, means, options, { quotas, ...(seen.nodes === undefined ? {} : { nodes: seen.nodes }) }) }
}

function planOf(
  workload: Workload,
  means: Means,
  options: ScaleOptions,
  room: { readonly quotas: readonly QuotaRoom[]; readonly nodes?: NodeRoom | string }
): Plan<ScaleWrite> {
  const restoreAfter = durationOr(options.restoreAfter, 30 * MINUTE)
  return hashPlan({
    action: 'scale',
    target: workload.ref,
    summary: `${means.summary}; given back ${formatDuration(restoreAfter)} after the recovery`,
    reverse: means.reverse,
    uid: workload.uid,
    ...(means.write.kind === 'json-patch'
      ? { touches: [{ kind: 'HorizontalPodAutoscaler', namespace: workload.ref.namespace, name: means.write.autoscaler }] }
      : {}),
    write: means.write,
    from: workload.identity,
    to: workload.identity,
    bad: [],
    loan: {
      kind: 'return',
      summary: means.back,
      after: restoreAfter,
      atMost: durationOr(options.restoreAtMost, DAY),
      write: means.giveBack
    },
    facts: {
      replicas: means.write.replicas,
      from: workload.replicas,
      ...room,
      ...means.facts,
      nextDeploy: afterScale(means.write.kind === 'scale' ? 'replicas' : 'minReplicas or maxReplicas')
    }
  })
}

async function apply(
  tools: Tools,
  { id, plan: made }: WriteIntent<ScaleWrite>,
  { dryRun }: { readonly dryRun: boolean },
  signal: AbortSignal
): Promise<WriteResult> {
  const { write } = made
  return write.kind === 'scale'
    ? writeScale(tools, { uid: made.uid, write }, { dryRun }, signal)
    : tools.cluster.write({ ...made, write }, { intent: id, dryRun }, signal)
}

async function effect({ id, plan: made }: WriteIntent<ScaleWrite>, workload: Workload, tools: Tools, signal: AbortSignal): Promise<Effect> {
  const { write } = made
  if (workload.uid !== made.uid) return 'superseded'
  if (write.kind === 'scale') {
    if (workload.replicas === write.replicas) return 'seen'
    return workload.replicas === write.from ? 'not-seen' : 'superseded'
  }
  const found = await readAutoscaler(tools, made.target.namespace, write, signal)
  if (found === 'unknown') return 'moving'
  if (found === undefined) return 'superseded'
  return textAt(found, 'metadata', 'annotations', INTENT_ANNOTATION) === id ? 'seen' : 'not-seen'
}

/** The number of pods, or the bounds of the autoscaler, which Astern may only list. */
async function giveUpFields(tools: Tools, { uid, target, write }: Plan<ScaleWrite>, signal: AbortSignal): Promise<GivenUp> {
  if (write.kind === 'scale') return giveUpEntries(tools, { path: objectPath(target), uid }, signal)
  const read = (): Promise<KubeAnswer> => listedAutoscaler(tools, target.namespace, write, signal)
  return giveUpEntries(tools, { path: write.path, uid: testedUid(write), read }, signal)
}

async function watch(_tools: Tools, { write: { from, replicas: wanted } }: Plan<ScaleWrite>, { workload, since }: Look): Promise<Watched> {
  if (wanted > from && workload.replicas < wanted)
    return { state: 'moving', detail: `${workload.replicas} of ${wanted} pods are asked for` }
  return watchedRollout(workload, since)
}
