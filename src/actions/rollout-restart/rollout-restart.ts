import { Type } from 'typebox'
import { type Effect, type PlanResult, refused } from '../../domain/action.ts'
import { kubectlName, TARGET_KINDS } from '../../domain/objects.ts'
import { hashPlan, INTENT_ANNOTATION, type WriteIntent } from '../../domain/plan.ts'
import type { Workload } from '../../domain/workload.ts'
import { giveUpPatched } from '../field-ownership.ts'
import { imagesOf, patchRight, templateEffect, templateWriteStands } from '../template-patch.ts'
import type { PlanInput, TypedAction } from '../typed-action.ts'
import { type RestartWrite, restartOfRollout, restartOfTemplate, stampedPatch } from './stamp.ts'

/** `with:` of `rollout-restart`, which has no options. */
const RolloutRestartWith = Type.Object({}, { additionalProperties: false })

/** Starts every pod anew with the same template, in the target's own rolling way. */
export const rolloutRestart = {
  name: 'rollout-restart',
  title: 'Start every pod anew with the same template.',
  kinds: TARGET_KINDS,
  blames: 'nothing',
  // Neither Argo CD nor Flux removes an annotation of Astern's own field manager (facts D.2).
  overridesOwner: false,
  cures: true,
  rights: kind => [patchRight(kind)],
  with: RolloutRestartWith,
  writes: ['restart'],
  plan,
  apply: (tools, { id, plan, createdAt }, { dryRun }, signal) =>
    tools.cluster.write({ ...plan, write: stampedPatch(plan.write, createdAt) }, { intent: id, dryRun }, signal),
  effect,
  stands,
  giveUpFields: giveUpPatched<RestartWrite>
} satisfies TypedAction<typeof RolloutRestartWith, RestartWrite>

function plan({ workload }: PlanInput<unknown>): PlanResult<RestartWrite> {
  const { namespace } = workload.ref
  if (workload.strategy === 'OnDelete')
    return refused('unsuitable-target', 'its update strategy is OnDelete: no pod is replaced until somebody deletes it')
  const { partition } = workload
  return {
    kind: 'plan',
    plan: hashPlan({
      action: 'rollout-restart',
      target: workload.ref,
      summary: `restart all ${workload.replicas} pods (${imagesOf(workload.template)})${workload.strategy === 'Recreate' ? '; strategy Recreate: all at once' : ''}${partition === undefined ? '' : `; those below ordinal ${partition} stay (partition)`}`,
      reverse: `nothing to undo: the template is the same (kubectl -n ${namespace} get ${kubectlName(workload.ref)})`,
      uid: workload.uid,
      write: workload.ref.kind === 'Rollout' ? restartOfRollout(workload) : restartOfTemplate(workload),
      from: workload.identity,
      to: workload.identity,
      bad: [],
      facts: { images: imagesOf(workload.template), strategy: workload.strategy }
    })
  }
}

function effect(intent: WriteIntent, workload: Workload): Effect {
  return intent.plan.target.kind === 'Rollout' ? rolloutEffect(intent, workload) : templateEffect(intent, workload)
}

function stands(intent: WriteIntent, workload: Workload): boolean {
  return intent.plan.target.kind === 'Rollout' ? rolloutEffect(intent, workload) === 'seen' : templateWriteStands(intent, workload)
}

function rolloutEffect({ id, plan: made }: WriteIntent, workload: Workload): Effect {
  if (workload.uid !== made.uid || workload.identity !== made.to) return 'superseded'
  return workload.annotations[INTENT_ANNOTATION] === id ? 'seen' : 'not-seen'
}
