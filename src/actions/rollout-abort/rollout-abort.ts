import { Type } from 'typebox'
import { type Effect, type Look, type PlanResult, refused, type Tools, type Watched } from '../../domain/action.ts'
import { namesOfPresent } from '../../domain/ignored-parts.ts'
import { objectPath } from '../../domain/objects.ts'
import { hashPlan, type PatchWrite, type Plan, type WriteIntent } from '../../domain/plan.ts'
import { countedPods } from '../../domain/pod.ts'
import type { WriteResult } from '../../domain/ports/cluster.ts'
import type { Workload } from '../../domain/workload.ts'
import { applyPatch, imagesOf } from '../template-patch.ts'
import type { PlanInput, TypedAction } from '../typed-action.ts'

/** `with:` of `rollout-abort`, which has no options. */
const RolloutAbortWith = Type.Object({}, { additionalProperties: false })

/** Ends an update of an Argo Rollout that is under way: traffic and pods go back to the stable version. */
export const rolloutAbort = {
  name: 'rollout-abort',
  title: 'Abort the update of an Argo Rollout that is under way.',
  kinds: ['Rollout'],
  blames: 'template',
  // A status is part of no manifest, so Git and the spec still agree after the write (facts D.3).
  overridesOwner: false,
  duringRollout: true,
  cures: true,
  rights: () => [{ verb: 'patch', group: 'argoproj.io', resource: 'rollouts/status' }],
  with: RolloutAbortWith,
  writes: ['json-patch'],
  plan,
  apply,
  effect,
  stands: (intent, workload) => effect(intent, workload) === 'seen',
  watch
} satisfies TypedAction<typeof RolloutAbortWith, PatchWrite>

function plan({ workload }: PlanInput<unknown>): PlanResult<PatchWrite> {
  const { canary, ref } = workload
  if (canary === undefined) throw new Error('rollout-abort is for Rollouts')
  if (canary.aborted) return refused('already-so', `it is aborted already: ${canary.message}`)
  if (canary.stable === canary.current || canary.stable === '')
    return refused('unsuitable-target', 'no update is under way: an abort would do nothing; rollout-undo goes back')
  const path = `${objectPath(ref)}/status`
  return {
    kind: 'plan',
    plan: hashPlan({
      action: 'rollout-abort',
      target: ref,
      summary: `abort the update to ${imagesOf(workload.template)} (${canary.phase}); back to the stable version ${canary.stable}`,
      reverse: `kubectl argo rollouts -n ${ref.namespace} retry rollout ${ref.name}`,
      uid: workload.uid,
      write: {
        kind: 'json-patch',
        path,
        operations: [
          { op: 'test', path: '/metadata/uid', value: workload.uid },
          { op: 'test', path: '/status/currentPodHash', value: canary.current },
          { op: 'test', path: '/status/stableRS', value: canary.stable },
          { op: 'add', path: '/status/abort', value: true }
        ],
        mark: 'none'
      },
      from: workload.identity,
      to: workload.identity,
      bad: namesOfPresent(workload),
      facts: {
        stable: canary.stable,
        aborted: canary.current,
        images: imagesOf(workload.template),
        stays: 'spec.template still is the bad one: undo it, or revert it in Git'
      }
    })
  }
}

/** Writes to the status subresource, or to the object itself where the CRD has no such subresource. */
async function apply(
  tools: Tools,
  intent: WriteIntent<PatchWrite>,
  options: { readonly dryRun: boolean },
  signal: AbortSignal
): Promise<WriteResult> {
  const result = await applyPatch(tools, intent, options, signal)
  if (result.kind !== 'not-found') return result
  const { plan: made } = intent
  const onObject: PatchWrite = { ...made.write, path: objectPath(made.target) }
  return applyPatch(tools, { ...intent, plan: { ...made, write: onObject } }, options, signal)
}

function effect({ plan: made }: WriteIntent, workload: Workload): Effect {
  if (workload.uid !== made.uid || workload.identity !== made.from || workload.canary === undefined) return 'superseded'
  return workload.canary.aborted ? 'seen' : 'not-seen'
}

async function watch(_tools: Tools, _made: Plan, { workload }: Look): Promise<Watched> {
  const counted = countedPods(workload.pods)
  const stable = counted.filter(pod => !pod.current && pod.ready).length
  const detail = workload.canary?.message ?? ''
  const left = counted.filter(pod => pod.current).length
  return workload.rollout.seen && workload.canary?.phase === 'Degraded' && stable >= workload.replicas && left === 0
    ? { state: 'complete', detail }
    : { state: 'moving', detail: `${stable} of ${workload.replicas} stable pods are ready, ${left} of the aborted version are left` }
}
