import type { JsonObject } from '../base/json.ts'
import type { ActionWriter, Effect } from '../domain/action.ts'
import { isBumped } from '../domain/last-change.ts'
import { KINDS, kubectlName, type ObjectRef, type TargetKind } from '../domain/objects.ts'
import { holderOf } from '../domain/owner.ts'
import type { PatchOperation, PatchWrite, WriteIntent } from '../domain/plan.ts'
import { FIELD_MANAGER } from '../domain/ports/kube.ts'
import type { Right } from '../domain/rights.ts'
import type { Touched } from '../domain/touched.ts'
import { templateIdentity, type Workload } from '../domain/workload.ts'
import { giveUpPatched } from './field-ownership.ts'

/** Sends the plan's patch as it is. */
export const applyPatch: ActionWriter<PatchWrite>['apply'] = (tools, { id, plan }, { dryRun }, signal) =>
  tools.cluster.write(plan, { intent: id, dryRun }, signal)

/**
 * Whether a write of a template that is known to have been made still stands: the template is what the server made of the write, which
 * need not be what was sent (rules 3). An operator that renews its checksum on an older version takes nothing of it back.
 */
export function templateWriteStands({ id, plan, left }: WriteIntent, workload: Workload): boolean {
  if (workload.uid !== plan.uid || workload.templateAt.mark !== id) return false
  const stands = workload.identity === plan.to || templateIdentity(workload.template) === left
  return stands || isBumped(workload, plan.to)
}

/** The traits of all actions that replace the template. */
export const TEMPLATE_WRITER = {
  writes: ['json-patch'],
  apply: applyPatch,
  effect: templateEffect,
  stands: templateWriteStands,
  giveUpFields: giveUpPatched<PatchWrite>
} satisfies ActionWriter<PatchWrite> & { readonly writes: readonly PatchWrite['kind'][] }

export function patchRight(kind: TargetKind): Right {
  const { group, resource } = KINDS[kind]
  return { verb: 'patch', group, resource }
}

/**
 * The preconditions of every template write: the object and its template must be the ones that were judged. The generation is
 * not tested, because an autoscaler changes it (rules 3).
 */
export function templateTests({ templateAt, template }: Workload): readonly PatchOperation[] {
  return [
    { op: 'test', path: '/metadata/uid', value: templateAt.uid },
    { op: 'test', path: templateAt.pointer, value: template }
  ]
}

/** The target that goes back, and the object that holds its template where that is another one. */
export function touchesOf(workload: Workload): readonly Touched[] {
  const holder = holderOf(workload)
  return [workload.ref, ...(holder === undefined ? [] : [holder])]
}

/** How a patch marks the object that holds the template. */
export function templateMark({ templateAt }: Workload): PatchWrite['mark'] {
  return templateAt.annotated ? 'add' : 'first'
}

/** Puts another template in place of the one that was judged. */
export function replaceTemplate(workload: Workload, template: JsonObject): PatchWrite {
  const { path, pointer } = workload.templateAt
  return {
    kind: 'json-patch',
    path,
    operations: [...templateTests(workload), { op: 'replace', path: pointer, value: template }],
    mark: templateMark(workload)
  }
}

/**
 * Whether the write was made: the object then has this intent's mark. Where its template is another one than was sent, either the
 * server made that of it, or somebody wrote after it; the field managers tell.
 */
export function templateEffect({ id, plan }: WriteIntent, workload: Workload): Effect {
  if (workload.uid !== plan.uid) return 'superseded'
  if (workload.templateAt.mark === id) return workload.identity === plan.to || isLastWriter(workload) ? 'seen' : 'superseded'
  return workload.identity === plan.from ? 'not-seen' : 'superseded'
}

/** Whether nobody wrote the template after Astern. Kubernetes' times have whole seconds, and within one the order is not known. */
function isLastWriter({ templateWriters = [] }: Workload): boolean {
  const own = templateWriters.find(({ manager }) => manager === FIELD_MANAGER)?.at
  return own !== undefined && templateWriters.every(({ manager, at }) => manager === FIELD_MANAGER || (at !== undefined && at < own))
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
