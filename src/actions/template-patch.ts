import type { Effect } from '../domain/action.ts'
import type { JsonObject } from '../domain/json.ts'
import { INTENT_ANNOTATION, type PatchOperation, type Plan } from '../domain/plan.ts'
import type { Right } from '../domain/rights.ts'
import type { Workload } from '../domain/workload.ts'

/** A template is written by a JSON patch of the object itself. */
export const TEMPLATE_RIGHTS: readonly Right[] = [{ verb: 'patch', group: 'apps', resource: 'deployments' }]

/**
 * The preconditions of every template write: this very object, with the very template that was judged. Not the
 * generation, which an autoscaler moves (rules 3).
 */
export function templatePreconditions(workload: Workload): readonly PatchOperation[] {
  return [
    { op: 'test', path: '/metadata/uid', value: workload.uid },
    { op: 'test', path: '/spec/template', value: workload.template }
  ]
}

export function replaceTemplate(workload: Workload, template: JsonObject): readonly PatchOperation[] {
  return [...templatePreconditions(workload), { op: 'replace', path: '/spec/template', value: template }]
}

/** The write is there if the object carries this intent's mark; another template means that someone wrote after it, or instead. */
export function templateEffect(plan: Plan, intentId: string, workload: Workload): Effect {
  if (workload.uid !== plan.write.uid) return 'superseded'
  if (workload.annotations[INTENT_ANNOTATION] === intentId) return workload.identity === plan.to ? 'seen' : 'superseded'
  return workload.identity === plan.from ? 'not-seen' : 'superseded'
}

/** The images of a template, as people name a version. */
export function imagesOf(template: JsonObject): string {
  const spec = template['spec']
  const containers =
    typeof spec === 'object' && spec !== null && 'containers' in spec && Array.isArray(spec.containers) ? spec.containers : []
  const images = containers.map((container: unknown) =>
    typeof container === 'object' && container !== null && 'image' in container ? String(container.image) : '?'
  )
  return images.join(', ')
}
