import { isObject, objectAt } from '../../base/json.ts'
import { objectPath } from '../../domain/objects.ts'
import { type PatchOperation, type PatchWrite, pointerKey } from '../../domain/plan.ts'
import type { Workload } from '../../domain/workload.ts'
import { templateMark, templateTests } from '../template-patch.ts'

/**
 * A restart: where its time is to be written, and not the time itself. The time is the intent's, so that the plan that a person
 * approves says nothing that changes by itself, and that a restart which is sent twice is one.
 */
export interface RestartWrite extends Omit<PatchWrite, 'kind'> {
  readonly kind: 'restart'
  /** The preconditions, and nothing else. */
  readonly operations: readonly PatchOperation[]
  readonly stamp: Stamp
}

/**
 * `annotation`: one annotation more. `first-annotation`: there is no map of annotations yet, and it is made. `whole-seconds`: a
 * time of Kubernetes' own.
 */
interface Stamp {
  /** JSON pointer. */
  readonly at: string
  readonly as: 'annotation' | 'first-annotation' | 'whole-seconds'
}

/**
 * Our own key: kubectl's would be taken for a person's restart, and Flux removes what a manager named `kubectl…` set,
 * which starts another rollout (facts B.4).
 */
const RESTARTED_AT = 'astern.dev/restartedAt'

/** Through an annotation of the template: its controller then makes every pod anew. */
export function restartOfTemplate(workload: Workload): RestartWrite {
  const { path, pointer } = workload.templateAt
  const annotations = `${pointer}/metadata/annotations`
  return {
    kind: 'restart',
    path,
    operations: templateTests(workload),
    mark: templateMark(workload),
    stamp: isObject(objectAt(workload.template, 'metadata')['annotations'])
      ? { at: `${annotations}/${pointerKey(RESTARTED_AT)}`, as: 'annotation' }
      : { at: annotations, as: 'first-annotation' }
  }
}

/** Argo Rollouts restarts the pods itself, without a new revision (facts D.3). The mark goes on the Rollout, wherever its template is. */
export function restartOfRollout(workload: Workload): RestartWrite {
  return {
    kind: 'restart',
    path: objectPath(workload.ref),
    operations: [{ op: 'test', path: '/metadata/uid', value: workload.uid }],
    mark: Object.keys(workload.annotations).length > 0 ? 'add' : 'first',
    stamp: { at: '/spec/restartAt', as: 'whole-seconds' }
  }
}

/** The patch of a restart that is made at this instant (epoch milliseconds). The same instant gives the same bytes. */
export function stampedPatch({ path, operations, mark, stamp }: RestartWrite, instant: number): PatchWrite {
  return { kind: 'json-patch', path, operations: [...operations, { op: 'add', path: stamp.at, value: stampValue(stamp, instant) }], mark }
}

function stampValue({ as }: Stamp, instant: number): unknown {
  // Milliseconds: two restarts within a second would otherwise be one.
  const time = new Date(instant).toISOString()
  switch (as) {
    case 'annotation':
      return time
    case 'first-annotation':
      return { [RESTARTED_AT]: time }
    case 'whole-seconds':
      // Kubernetes' times have whole seconds; the controller restarts what was made before.
      return time.replace(/\.\d+Z$/, 'Z')
  }
}
