import { isObject, type JsonObject, objectAt, textAt, textMap } from '../../base/json.ts'
import { KINDS, type ObjectRef } from '../../domain/objects.ts'

/** A ScaledObject of KEDA that decides how many pods the target has, also while it is paused and has no autoscaler (facts B.5). */
export interface ScaledObject {
  readonly name: string
  /** What it decides, and where people change it. */
  readonly detail: string
}

export function scaledObjectsPath(namespace: string): string {
  return `/apis/keda.sh/v1alpha1/namespaces/${encodeURIComponent(namespace)}/scaledobjects`
}

/** The ScaledObjects that scale the target. One that names neither kind nor version means a Deployment, as KEDA has it. */
export function scaledObjectsOf(target: ObjectRef, items: readonly unknown[]): readonly ScaledObject[] {
  return items
    .filter(isObject)
    .filter(item => scales(item, target))
    .map(item => {
      const name = textAt(item, 'metadata', 'name') ?? ''
      return { name, detail: `KEDA’s ScaledObject ${name} decides how many pods it has${pauseOf(item)}` }
    })
}

function scales(item: JsonObject, { kind, name }: ObjectRef): boolean {
  const reference = objectAt(item, 'spec', 'scaleTargetRef')
  const version = textAt(reference, 'apiVersion') ?? ''
  const group = version === '' ? 'apps' : version.includes('/') ? version.split('/')[0] : ''
  const of = textAt(reference, 'kind') ?? ''
  return (of === '' ? 'Deployment' : of) === kind && textAt(reference, 'name') === name && group === KINDS[kind].group
}

/** While it is paused there may be no autoscaler. KEDA then keeps a number, or goes on where it was once the pause ends. */
function pauseOf(item: JsonObject): string {
  const annotations = textMap(objectAt(item, 'metadata')['annotations'])
  const at = annotations['autoscaling.keda.sh/paused-replicas']
  if (at !== undefined) return `: it is paused at ${at}; change the annotation autoscaling.keda.sh/paused-replicas`
  const paused = annotations['autoscaling.keda.sh/paused']
  // KEDA takes any text that is no boolean for true.
  if (paused !== undefined && !/^(0|f|false)$/i.test(paused))
    return ': it is paused (autoscaling.keda.sh/paused), and sets its own number again once that ends; change its minReplicaCount'
  return ': change its minReplicaCount'
}
