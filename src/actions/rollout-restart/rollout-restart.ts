import { Type } from 'typebox'
import type { Action, PlanInput, PlanResult } from '../../domain/action.ts'
import { isObject, objectAt } from '../../domain/json.ts'
import { hashPlan } from '../../domain/plan.ts'
import { imagesOf, TEMPLATE_RIGHTS, templateEffect, templatePreconditions } from '../template-patch.ts'

/** `with:` of `rollout-restart`: there is nothing to choose. */
export const RolloutRestartWith = Type.Object({}, { additionalProperties: false })

/**
 * Our own key: kubectl's would be taken for a person's restart, and Flux removes what a manager named `kubectl…` set,
 * which starts another rollout (facts B.4).
 */
const RESTARTED_AT = 'astern.dev/restartedAt'

/** Starts every pod anew with the same template, in the target's own rolling way. */
export const rolloutRestart: Action = {
  name: 'rollout-restart',
  title: 'Start every pod anew with the same template.',
  blamesChange: false,
  rights: TEMPLATE_RIGHTS,
  plan,
  effect: templateEffect
}

function plan(input: PlanInput): PlanResult {
  const { workload } = input
  const { kind, namespace, name } = workload.ref
  // Milliseconds: two restarts within a second would otherwise be one.
  const at = new Date(input.now).toISOString()
  const annotations = objectAt(workload.template, 'metadata')['annotations']
  const set = isObject(annotations)
    ? ({ op: 'add', path: `/spec/template/metadata/annotations/${RESTARTED_AT.replace('/', '~1')}`, value: at } as const)
    : ({ op: 'add', path: '/spec/template/metadata/annotations', value: { [RESTARTED_AT]: at } } as const)
  return {
    kind: 'plan',
    plan: hashPlan({
      action: 'rollout-restart',
      target: workload.ref,
      summary: `restart all ${workload.replicas} pods (${imagesOf(workload.template)})${workload.strategy === 'Recreate' ? '; strategy Recreate: all at once' : ''}`,
      reverse: `nothing to undo: the template is the same (kubectl -n ${namespace} rollout status ${kind.toLowerCase()}/${name})`,
      write: { kind: 'json-patch', uid: workload.uid, operations: [...templatePreconditions(workload), set] },
      from: workload.identity,
      to: workload.identity,
      remembersBad: false,
      facts: { images: imagesOf(workload.template), strategy: workload.strategy }
    })
  }
}
