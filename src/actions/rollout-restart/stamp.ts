import { isObject, objectAt } from '../../base/json.ts'
import { objectPath } from '../../domain/objects.ts'
import { type PatchOperation, type PatchWrite, pointerKey } from '../../domain/plan.ts'
import type { Workload } from '../../domain/workload.ts'
import { templateMark, templateTests } from '../template-patch.ts'

/**
 * The write of a restart. It says where the time is to be written, but not the time itself, which is the intent's. So the plan
 * that a person approves contains nothing that changes by itself, and a restart that is sent twice is one restart.
 */
export interface RestartWrite extends Omit<PatchWrite, 'kind'> {
  readonly kind: 'restart'
  /** The preconditions, and nothing else. */
  readonly operations: readonly PatchOperation[]
  readonly stamp: Stamp
}

/**
 * `annotation`: adds an annotation. `first-annotation`: adds the map of annotations too, because there is none yet.
 * `whole-seconds`: sets a field that has Kubernetes' form of a time.
 */
interface Stamp {
  /** JSON pointer. */
  readonly at: string
  readonly as: 'annotation' | 'first-annotation' | 'whole-seconds'
}

/**
 * Astern's own key. kubectl's key would look like a person's restart. Flux removes what a manager named `kubectl…` set, which
 * would start another rollout (facts B.4).
 */
const RESTARTED_AT = 'astern.dev/restartedAt'

/** Restarts by an annotation of the template. The controller then makes every pod anew. */
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

/** Makes the patch of a restart at this instant (epoch milliseconds). The same instant gives the same bytes. */
export function stampedPatch({ path, operations, mark, stamp }: RestartWrite, instant: number): PatchWrite {
  return { kind: 'json-patch', path, operations: [...operations, { op: 'add', path: stamp.at, value: stampValue(stamp, instant) }], mark }
}

function stampValue({ as }: Stamp, instant: number): unknown {
  // The time has milliseconds, because two restarts within a second would otherwise be one.
  const time = new Date(instant).toISOString()
  switch (as) {
    case 'annotation':
      return time
    case 'first-annotation':
      return { [RESTARTED_AT]: time }
    case 'whole-seconds':
      // Kubernetes' times have whole seconds. The controller restarts pods that were made before.
      return time.replace(/\.\d+Z$/, 'Z')
  }
}
