import { type Static, Type } from 'typebox'
import { Check } from 'typebox/value'
import { DAY, MINUTE } from '../../base/clock.ts'
import { durationOr, formatDuration } from '../../base/duration.ts'
import { isObject, type JsonObject, listAt, numberAt, textAt } from '../../base/json.ts'
import {
  type Action,
  type Effect,
  type Look,
  type Observation,
  type PlanInput,
  type PlanResult,
  refused,
  type Tools,
  templateStands,
  type Watched,
  watchedRollout
} from '../../domain/action.ts'
import { KINDS, objectPath } from '../../domain/objects.ts'
import { hashPlan, INTENT_ANNOTATION, type Plan } from '../../domain/plan.ts'
import type { WriteResult } from '../../domain/ports/cluster.ts'
import type { Reason } from '../../domain/reasons.ts'
import type { Workload } from '../../domain/workload.ts'
import { type Autoscaler, autoscalersOf, autoscalersPath, toAutoscaler } from './autoscaler.ts'
import { throughAutoscaler, throughSubresource } from './means.ts'
import { type NodeRoom, nodeRoom, type QuotaRoom, quotaRoom } from './room.ts'
import { writeScale } from './write-scale.ts'

const DURATION = '^([0-9]+(ms|s|m|h|d|w|y))+$'

/** `with:` of `scale`. */
export const ScaleWith = Type.Object(
  {
    to: Type.Optional(Type.Integer({ minimum: 1, description: 'So many pods. Never 0.' })),
    by: Type.Optional(Type.String({ pattern: '^[+-][1-9]\\d*%?$', description: 'More or fewer, such as "+2" or "+50%".' })),
    min: Type.Optional(Type.Integer({ minimum: 1, description: 'Never fewer than this; default 1.' })),
    max: Type.Integer({ minimum: 1, description: 'Never more than this.' }),
    autoscaler: Type.Optional(
      Type.Enum(['floor', 'floor-and-ceiling', 'deny'], {
        description: 'Where a HorizontalPodAutoscaler decides: raise its floor (default), its ceiling too, or leave it alone.'
      })
    ),
    restoreAfter: Type.Optional(Type.String({ pattern: DURATION, description: 'Given back so long after the recovery; default 30m.' })),
    restoreAtMost: Type.Optional(Type.String({ pattern: DURATION, description: 'Given back at the latest; default 1d.' })),
    reportNodes: Type.Optional(
      Type.Boolean({ description: 'Tell what the nodes could hold, too. Needs `list nodes` in the whole cluster. Default false.' })
    ),
    connections: Type.Optional(
      Type.Object(
        { perReplica: Type.Integer({ minimum: 1 }), atMost: Type.Integer({ minimum: 1 }) },
        { additionalProperties: false, description: 'What each pod takes of something that all share, such as a database’s connections.' }
      )
    )
  },
  { additionalProperties: false }
)
export type ScaleOptions = Static<typeof ScaleWith>

/** What is wrong in `with:` beyond its schema. */
export function checkScale(value: unknown): string | undefined {
  if (!Check(ScaleWith, value)) return undefined
  if ((value.to === undefined) === (value.by === undefined)) return 'needs "to" or "by", and not both'
  return (value.min ?? 1) > value.max ? 'min is more than max' : undefined
}

interface SeenScale {
  readonly autoscalers: readonly Autoscaler[]
  readonly quotas: readonly unknown[]
  readonly nodes?: NodeRoom | string
}

/** Another number of pods, through whoever decides it, given back later. */
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
    { verb: 'list', group: '', resource: 'resourcequotas' }
  ],
  observe,
  plan,
  apply: (tools, made, { intent, dryRun }, signal) =>
    made.write.kind === 'scale'
      ? writeScale(tools, made.write, made.uid, dryRun, signal)
      : tools.cluster.write(made, { intent, dryRun }, signal),
  effect,
  stands: templateStands,
  watch,
  giveBack
} satisfies Action

async function observe(tools: Tools, { workload, with: step }: Omit<PlanInput, 'seen'>, signal: AbortSignal): Promise<Observation> {
  const { namespace } = workload.ref
  const [autoscalers, quotas] = await Promise.all([
    tools.kube.get(autoscalersPath(namespace), signal),
    tools.kube.get(`/api/v1/namespaces/${encodeURIComponent(namespace)}/resourcequotas`, signal)
  ])
  for (const answer of [autoscalers, quotas])
    if (answer.kind !== 'ok')
      return refused(answer.kind === 'error' && answer.status === 403 ? 'forbidden' : 'cluster-unreachable', answer.detail)
  const nodes = optionsOf(step).reportNodes === true ? await tools.kube.get('/api/v1/nodes', signal) : undefined
  const items = (answer: typeof autoscalers): readonly unknown[] => (answer.kind === 'ok' ? listAt(answer.object, 'items') : [])
  return {
    kind: 'seen',
    seen: {
      autoscalers: autoscalersOf(workload.ref, items(autoscalers)),
      quotas: items(quotas),
      ...(nodes === undefined ? {} : { nodes: nodes.kind === 'ok' ? nodeRoom(items(nodes)) : nodes.detail })
    } satisfies SeenScale
  }
}

function isSeen(seen: unknown): seen is SeenScale {
  return typeof seen === 'object' && seen !== null && 'autoscalers' in seen
}

function optionsOf(value: unknown): ScaleOptions {
  if (!Check(ScaleWith, value)) throw new Error('the step was not checked at load')
  return value
}

/** How many pods the policy wants, within its bounds. */
export function wantedReplicas(current: number, { to, by, min = 1, max }: ScaleOptions): number {
  const amount = Number.parseInt(by ?? '0', 10)
  // At least one more: two thirds of a pod is none.
  const change = by?.endsWith('%') === true ? Math.sign(amount) * Math.max(1, Math.round((current * Math.abs(amount)) / 100)) : amount
  return Math.min(max, Math.max(1, min, to ?? current + change))
}

function plan(input: PlanInput): PlanResult {
  const { workload, seen } = input
  if (!isSeen(seen)) throw new Error('scale plans without having looked')
  const options = optionsOf(input.with)
  if (workload.replicas === 0) return refused('unsuitable-target', 'it has 0 replicas: somebody turned it off')
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
  const means = autoscaler === undefined ? throughSubresource(workload, wanted) : throughAutoscaler(workload, autoscaler, wanted, options)
  if ('reason' in means) return refused(means.reason, means.detail)
  const room = quotaRoom(seen.quotas, workload, means.replicas - workload.replicas)
  const full = room.find(({ hard, used, needed }) => used + needed > hard)
  if (full !== undefined)
    return refused('no-room', `quota ${full.quota}: ${full.resource} ${full.used} of ${full.hard} used, ${full.needed} more needed`)
  return {
    kind: 'plan',
    plan: planOf(workload, means, options, { quotas: room, ...(seen.nodes === undefined ? {} : { nodes: seen.nodes }) })
  }
}

function planOf(
  workload: Workload,
  means: Exclude<ReturnType<typeof throughSubresource>, { readonly reason: Reason }>,
  options: ScaleOptions,
  room: { readonly quotas: readonly QuotaRoom[]; readonly nodes?: NodeRoom | string }
): Plan {
  const restoreAfter = durationOr(options.restoreAfter, 30 * MINUTE)
  return hashPlan({
    action: 'scale',
    target: workload.ref,
    summary: `${means.summary}; given back ${formatDuration(restoreAfter)} after the recovery`,
    reverse: means.reverse,
    uid: workload.uid,
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
    facts: { replicas: means.replicas, from: workload.replicas, ...room, ...means.facts }
  })
}

function wantedIn(made: Plan): number {
  const { replicas } = made.facts
  if (typeof replicas !== 'number') throw new Error('this plan scales nothing')
  return replicas
}

async function effect(made: Plan, intentId: string, workload: Workload, tools: Tools, signal: AbortSignal): Promise<Effect> {
  if (workload.uid !== made.uid) return 'superseded'
  if (made.write.kind === 'scale') {
    if (workload.replicas === made.write.replicas) return 'seen'
    return workload.replicas === made.write.from ? 'not-seen' : 'superseded'
  }
  if (made.write.kind !== 'json-patch') throw new Error('this plan scales nothing')
  const found = await readAutoscaler(tools, made, signal)
  if (found === 'unknown') return 'moving'
  if (found === undefined) return 'superseded'
  return textAt(found, 'metadata', 'annotations', INTENT_ANNOTATION) === intentId ? 'seen' : 'not-seen'
}

/** By the list, which planning reads too: no right is needed for it alone. */
async function readAutoscaler(tools: Tools, made: Plan, signal: AbortSignal): Promise<JsonObject | 'unknown' | undefined> {
  const list = await tools.kube.get(autoscalersPath(made.target.namespace), signal)
  if (list.kind !== 'ok') return 'unknown'
  return listAt(list.object, 'items')
    .filter(isObject)
    .find(item => textAt(item, 'metadata', 'name') === made.facts['autoscaler'])
}

async function watch(_tools: Tools, made: Plan, workload: Workload, { since }: Look): Promise<Watched> {
  const wanted = wantedIn(made)
  const rising = made.facts['from'] !== undefined && wanted > Number(made.facts['from'])
  if (rising && workload.replicas < wanted) return { state: 'moving', detail: `${workload.replicas} of ${wanted} pods are asked for` }
  return watchedRollout(workload, since)
}

/** Puts the old number back, if what is there still is what Astern set: a floor that people moved since is theirs. */
async function giveBack(tools: Tools, made: Plan, signal: AbortSignal): Promise<WriteResult> {
  const { loan, write } = made
  if (loan === undefined) throw new Error('nothing was borrowed')
  if (loan.write.kind === 'scale') {
    const result = await writeScale(tools, loan.write, made.uid, false, signal)
    if (result.kind !== 'conflict') return result
    const read = await tools.kube.get(`${objectPath(made.target)}/scale`, signal)
    return read.kind === 'ok' && numberAt(read.object, 'spec', 'replicas') === loan.write.replicas ? given(tools) : result
  }
  const result = await tools.cluster.write({ ...made, write: loan.write }, { intent: '', dryRun: false }, signal)
  if (result.kind !== 'conflict' || write.kind !== 'json-patch') return result
  // Sent before, and the answer lost: it is back already.
  const found = await readAutoscaler(tools, made, signal)
  if (found === 'unknown' || found === undefined) return result
  const { floor } = toAutoscaler(found, made.target.namespace)
  return floor === made.facts['floorBefore'] ? given(tools) : result
}

function given(tools: Tools): WriteResult {
  return { kind: 'applied', generation: 0, at: tools.clock.now(), detail: 'it was back already' }
}
