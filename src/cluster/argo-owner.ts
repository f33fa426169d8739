import { isObject, type JsonObject, listAt, objectAt, textAt } from '../base/json.ts'
import { KINDS } from '../domain/objects.ts'
import type { Owner } from '../domain/owner.ts'
import type { Workload } from '../domain/workload.ts'
import { isObjectName } from '../templates/object-name.ts'
import { listsTarget, resourcesOf } from './listed.ts'
import { hintOf, type OwnerReading, ownerObject, readOwner } from './owner-reading.ts'

const TRACKING_ID = 'argocd.argoproj.io/tracking-id'
const INSTANCE = 'app.kubernetes.io/instance'
/** Where Argo CD is usually installed; Applications elsewhere carry their namespace in the tracking id. */
const ARGOCD_NAMESPACE = 'argocd'
/** How Argo CD names the cluster that it runs in. */
const THIS_CLUSTER: ReadonlySet<string> = new Set(['https://kubernetes.default.svc', 'in-cluster'])

/** Reads `<app>:<group>/<kind>:<namespace>/<name>`. It counts only if it names this very object, because annotations get copied. */
export function parseTrackingId(
  id: string,
  { ref }: Pick<Workload, 'ref'>
): { readonly namespace?: string; readonly name: string } | undefined {
  const [app = '', kind = '', object = '', ...rest] = id.split(':')
  if (rest.length > 0 || kind !== `${KINDS[ref.kind].group}/${ref.kind}` || object !== `${ref.namespace}/${ref.name}`) return undefined
  const at = app.indexOf('_')
  const [namespace, name] = at === -1 ? [undefined, app] : [app.slice(0, at), app.slice(at + 1)]
  if (!isObjectName('name', name) || (namespace !== undefined && !isObjectName('namespace', namespace))) return undefined
  return namespace === undefined ? { name } : { namespace, name }
}

/** The Argo CD Application that has the target, if it says so itself; a hint where only the target says so. */
export async function argoOwner(reading: OwnerReading): Promise<Owner | undefined> {
  const { workload, scope } = reading
  const id = workload.annotations[TRACKING_ID]
  const parsed = id === undefined ? undefined : parseTrackingId(id, workload)
  if (parsed !== undefined) return application(reading, parsed.namespace ?? scope.argocd ?? ARGOCD_NAMESPACE, parsed.name)
  // Every Helm chart sets this label too. So it is asked about only where Argo CD is known to be.
  const instance = workload.labels[INSTANCE]
  if (scope.argocd === undefined || instance === undefined || !isObjectName('name', instance)) return undefined
  const found = await application(reading, scope.argocd, instance)
  return found.hint === true ? undefined : found
}

async function application(reading: OwnerReading, namespace: string, name: string): Promise<Owner> {
  const path = `/apis/argoproj.io/v1alpha1/namespaces/${namespace}/applications/${name}`
  const named = `${namespace}/${name}`
  const answer = await readOwner(reading, namespace, path)
  switch (answer.kind) {
    case 'absent':
      return hintOf('Application', named, 'there is no such Application')
    case 'unknown':
      return { kind: 'Application', name: named, enforces: 'unknown', detail: `the Application cannot be read: ${answer.detail}` }
    case 'ok': {
      if (isElsewhere(answer.object)) return hintOf('Application', named, 'it deploys to another cluster')
      const lists = resourcesOf(answer.object)
      return listsTarget(lists, reading.workload.ref)
        ? { ...applicationOwner(path, named, answer.object), lists }
        : hintOf('Application', named, 'its status.resources does not list the target')
    }
  }
}

/** Whether what it lists is in another cluster than the one that it is in itself. The same names may be there. */
function isElsewhere(application: JsonObject): boolean {
  const destination = objectAt(application, 'spec', 'destination')
  return ['server', 'name'].some(key => {
    const place = textAt(destination, key) ?? ''
    return place !== '' && !THIS_CLUSTER.has(place)
  })
}

function applicationOwner(path: string, name: string, object: JsonObject): Owner {
  const automated = objectAt(object, 'spec', 'syncPolicy')['automated']
  const on = isObject(automated) && automated['enabled'] !== false
  const paused = textAt(object, 'metadata', 'annotations', 'argocd.argoproj.io/skip-reconcile') === 'true'
  const generated = listAt(object, 'metadata', 'ownerReferences').some(owner => textAt(owner, 'kind') === 'ApplicationSet')
  const running = textAt(object, 'status', 'operationState', 'phase') === 'Running'
  const { at, object: written } = ownerObject(path, object, 'Application')
  const base = {
    kind: 'Application',
    name,
    at,
    // An ApplicationSet writes its Applications anew, so a change of the Application does not last.
    ...(generated ? {} : { object: written }),
    ...(isObject(automated) ? { automated } : {})
  } as const
  if (paused) return { ...base, enforces: 'no', detail: 'its reconciliation is skipped (argocd.argoproj.io/skip-reconcile)' }
  if (running && !on) return { ...base, enforces: 'yes', detail: 'a sync of it is running right now' }
  if (!on) return { ...base, enforces: 'no', detail: 'it is synced by hand: it shows OutOfSync until Git says the same' }
  return {
    ...base,
    enforces: 'yes',
    detail: `${isObject(automated) && automated['selfHeal'] === true ? 'automated sync with self-heal puts its version back at once' : 'automated sync puts its version back with the next commit'}${generated ? '; an ApplicationSet made it' : ''}`
  }
}
