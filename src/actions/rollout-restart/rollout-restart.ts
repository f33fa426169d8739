import { Type } from 'typebox'
import { isObject, objectAt } from '../../base/json.ts'
import type { Action, Effect, PlanInput, PlanResult } from '../../domain/action.ts'
import { kubectlName, objectPath, TARGET_KINDS } from '../../domain/objects.ts'
import { hashPlan, INTENT_ANNOTATION, type PatchWrite, type Plan, pointerKey } from '../../domain/plan.ts'
import type { Workload } from '../../domain/workload.ts'
import { imagesOf, patchRight, TEMPLATE_ACTION, templateEffect, templateWrite } from '../template-patch.ts'

/** `with:` of `rollout-restart`: there is nothing to choose. */
export const RolloutRestartWith = Type.Object({}, { additionalProperties: false })

/**
 * Our own key: kubectl's would be taken for a person's restart, and Flux removes what a manager named `kubectl…` set,
 * which starts another rollout (facts B.4).
 */
const RESTARTED_AT = 'astern.dev/restartedAt'

/** Starts every pod anew with the same template, in the target's own rolling way. */
export const rolloutRestart = {
  ...TEMPLATE_ACTION,
  name: 'rollout-restart',
  title: 'Start every pod anew with the same template.',
  kinds: TARGET_KINDS,
  blames: 'nothing',
  // An annotation of our own manager: neither Argo CD nor Flux takes it away (facts D.2).
  overridesOwner: false,
  rights: kind => [patchRight(kind)],
  plan,
  effect: (plan: Plan, intentId: string, workload: Workload) =>
    plan.target.kind === 'Rollout' ? rolloutEffect(plan, intentId, workload) : templateEffect(plan, intentId, workload),
  stands: (plan: Plan, intentId: string, workload: Workload) =>
    (plan.target.kind === 'Rollout' ? rolloutEffect : templateEffect)(plan, intentId, workload) === 'seen'
} satisfies Action

function plan(input: PlanInput): PlanResult {
  const { workload } = input
  const { namespace } = workload.ref
  if (workload.strategy === 'OnDelete')
    return {
      kind: 'refused',
      refusal: { reason: 'unsuitable-target', detail: 'its update strategy is OnDelete: no pod is replaced until somebody deletes it' }
    }
  // Milliseconds: two restarts within a second would otherwise be one.
  const at = new Date(input.now).toISOString()
  const { partition } = workload
  return {
    kind: 'plan',
    plan: hashPlan({
      action: 'rollout-restart',
      target: workload.ref,
      summary: `restart all ${workload.replicas} pods (${imagesOf(workload.template)})${workload.strategy === 'Recreate' ? '; strategy Recreate: all at once' : ''}${partition === undefined ? '' : `; those below ordinal ${partition} stay (partition)`}`,
      reverse: `nothing to undo: the template is the same (kubectl -n ${namespace} get ${kubectlName(workload.ref)})`,
      uid: workload.uid,
      write: workload.ref.kind === 'Rollout' ? restartOfRollout(workload, at) : restartOfTemplate(workload, at),
      from: workload.identity,
      to: workload.identity,
      bad: [],
      facts: { images: imagesOf(workload.template), strategy: workload.strategy }
    })
  }
}

function restartOfTemplate(workload: Workload, at: string): PatchWrite {
  const { pointer } = workload.templateAt
  const annotations = objectAt(workload.template, 'metadata')['annotations']
  return templateWrite(workload, [
    isObject(annotations)
      ? { op: 'add', path: `${pointer}/metadata/annotations/${pointerKey(RESTARTED_AT)}`, value: at }
      : { op: 'add', path: `${pointer}/metadata/annotations`, value: { [RESTARTED_AT]: at } }
  ])
}

/** Argo Rollouts restarts the pods itself, without a new revision (facts D.3). The mark goes on the Rollout, wherever its template is. */
function restartOfRollout(workload: Workload, at: string): PatchWrite {
  return {
    kind: 'json-patch',
    path: objectPath(workload.ref),
    operations: [
      { op: 'test', path: '/metadata/uid', value: workload.uid },
      // Kubernetes' times have whole seconds; the controller restarts what was made before.
      { op: 'add', path: '/spec/restartAt', value: at.replace(/\.\d+Z$/, 'Z') }
    ],
    mark: Object.keys(workload.annotations).length > 0 ? 'add' : 'first'
  }
}

function rolloutEffect(plan: Plan, intentId: string, workload: Workload): Effect {
  if (workload.uid !== plan.uid || workload.identity !== plan.to) return 'superseded'
  return workload.annotations[INTENT_ANNOTATION] === intentId ? 'seen' : 'not-seen'
}
