import type { JsonObject } from '../base/json.ts'
import type { Action, Effect } from '../domain/action.ts'
import { KINDS, kubectlName, type ObjectRef, type TargetKind } from '../domain/objects.ts'
import type { PatchOperation, PatchWrite, Plan } from '../domain/plan.ts'
import type { Right } from '../domain/rights.ts'
import type { Workload } from '../domain/workload.ts'

/** What all actions that write a template have alike. */
export const TEMPLATE_ACTION = {
  cures: true,
  apply: (tools, plan, options, signal) => tools.cluster.write(plan, options, signal),
  effect: templateEffect,
  stands: (plan: Plan, intentId: string, workload: Workload) => templateEffect(plan, intentId, workload) === 'seen'
} satisfies Partial<Action>

export function patchRight(kind: TargetKind): Right {
  const { group, resource } = KINDS[kind]
  return { verb: 'patch', group, resource }
}

/**
 * The preconditions of every template write: this very object, with the very template that was judged. Not the
 * generation, which an autoscaler moves (rules 3).
 */
export function templateWrite({ templateAt, template }: Workload, operations: readonly PatchOperation[]): PatchWrite {
  return {
    kind: 'json-patch',
    path: templateAt.path,
    operations: [
      { op: 'test', path: '/metadata/uid', value: templateAt.uid },
      { op: 'test', path: templateAt.pointer, value: template },
      ...operations
    ],
    mark: templateAt.annotated ? 'add' : 'first'
  }
}

export function replaceTemplate(workload: Workload, template: JsonObject): PatchWrite {
  return templateWrite(workload, [{ op: 'replace', path: workload.templateAt.pointer, value: template }])
}

/** The write is there if the object carries this intent's mark; another template means that someone wrote after it, or instead. */
export function templateEffect(plan: Plan, intentId: string, workload: Workload): Effect {
  if (workload.uid !== plan.uid) return 'superseded'
  if (workload.templateAt.mark === intentId) return workload.identity === plan.to ? 'seen' : 'superseded'
  return workload.identity === plan.from ? 'not-seen' : 'superseded'
}

/** The command that goes back to a revision by hand. */
export function undoCommand({ kind, namespace, name }: ObjectRef, revision: number | undefined): string {
  if (kind === 'Rollout')
    return revision === undefined
      ? `kubectl argo rollouts -n ${namespace} get rollout ${name}`
      : `kubectl argo rollouts -n ${namespace} undo ${name} --to-revision=${revision}`
  return revision === undefined
    ? `kubectl -n ${namespace} rollout history ${kubectlName({ kind, name })}`
    : `kubectl -n ${namespace} rollout undo ${kubectlName({ kind, name })} --to-revision=${revision}`
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
