import { isObject, type JsonObject, listAt, objectAt, textAt } from '../base/json.ts'
import { KINDS } from '../domain/objects.ts'
import type { Owner } from '../domain/owner.ts'
import type { Kube } from '../domain/ports/kube.ts'
import type { Workload } from '../domain/workload.ts'

const TRACKING_ID = 'argocd.argoproj.io/tracking-id'
const INSTANCE = 'app.kubernetes.io/instance'
/** Where Argo CD is usually installed; Applications elsewhere carry their namespace in the tracking id. */
const ARGOCD_NAMESPACE = 'argocd'

/** Field managers that write only what Git or a release says. */
const ENFORCERS: ReadonlySet<string> = new Set([
  'argocd-controller',
  'argocd-application-controller',
  'kustomize-controller',
  'helm-controller'
])

/**
 * Finds who declares what the target is, and whether they would put their version back (facts D.0 to D.2). An owner that cannot
 * be asked is `unknown`, and nothing is written over it.
 */
export async function readOwners(
  kube: Kube,
  workload: Workload,
  argocd: string | undefined,
  signal: AbortSignal
): Promise<readonly Owner[]> {
  const asked = await Promise.all([
    tracked(kube, workload, argocd, signal),
    fluxOwner(kube, workload, KUSTOMIZATION, signal),
    fluxOwner(kube, workload, HELM_RELEASE, signal)
  ])
  const owners = asked.filter(owner => owner !== undefined)
  const { controller, templateManager } = workload
  if (controller !== undefined)
    owners.push({
      kind: 'controller',
      name: `${controller.kind} ${workload.ref.namespace}/${controller.name}`,
      enforces: 'yes',
      detail: `${controller.apiVersion} ${controller.kind} ${controller.name} controls it: change that one`
    })
  // Labels may be missing. The field manager that applied the template last is always known.
  if (owners.length === 0 && templateManager !== undefined && ENFORCERS.has(templateManager))
    owners.push({
      kind: 'field-manager',
      name: templateManager,
      enforces: 'unknown',
      detail: `${templateManager} last wrote the template, and nothing on the object says for which application`
    })
  return owners
}

/** Reads `<app>:<group>/<kind>:<namespace>/<name>`. It counts only if it names this very object, because annotations get copied. */
export function parseTrackingId(
  id: string,
  { ref }: Pick<Workload, 'ref'>
): { readonly namespace?: string; readonly name: string } | undefined {
  const [app = '', kind = '', object = '', ...rest] = id.split(':')
  if (rest.length > 0 || app === '') return undefined
  if (kind !== `${KINDS[ref.kind].group}/${ref.kind}` || object !== `${ref.namespace}/${ref.name}`) return undefined
  const at = app.indexOf('_')
  return at === -1 ? { name: app } : { namespace: app.slice(0, at), name: app.slice(at + 1) }
}

async function tracked(kube: Kube, workload: Workload, argocd: string | undefined, signal: AbortSignal): Promise<Owner | undefined> {
  const id = workload.annotations[TRACKING_ID]
  const parsed = id === undefined ? undefined : parseTrackingId(id, workload)
  if (parsed !== undefined) {
    const namespace = parsed.namespace ?? argocd ?? ARGOCD_NAMESPACE
    return application(kube, namespace, parsed.name, signal)
  }
  // Every Helm chart sets this label too. So it is only a hint, which the Application itself must confirm.
  const instance = workload.labels[INSTANCE]
  if (argocd === undefined || instance === undefined || workload.release !== undefined) return undefined
  const path = applicationPath(argocd, instance)
  const answer = await kube.get(path, signal)
  if (answer.kind !== 'ok') return undefined
  const { ref } = workload
  const listed = listAt(answer.object, 'status', 'resources').some(
    resource =>
      textAt(resource, 'kind') === ref.kind &&
      (textAt(resource, 'group') ?? '') === KINDS[ref.kind].group &&
      textAt(resource, 'namespace') === ref.namespace &&
      textAt(resource, 'name') === ref.name
  )
  return listed ? applicationOwner(path, `${argocd}/${instance}`, answer.object) : undefined
}

function applicationPath(namespace: string, name: string): string {
  return `/apis/argoproj.io/v1alpha1/namespaces/${encodeURIComponent(namespace)}/applications/${encodeURIComponent(name)}`
}

async function application(kube: Kube, namespace: string, name: string, signal: AbortSignal): Promise<Owner> {
  const path = applicationPath(namespace, name)
  const answer = await kube.get(path, signal)
  if (answer.kind === 'ok') return applicationOwner(path, `${namespace}/${name}`, answer.object)
  return {
    kind: 'Application',
    name: `${namespace}/${name}`,
    enforces: 'unknown',
    detail: `the Application cannot be read: ${answer.detail}`
  }
}

function applicationOwner(path: string, name: string, object: JsonObject): Owner {
  const automated = objectAt(object, 'spec', 'syncPolicy')['automated']
  const on = isObject(automated) && automated['enabled'] !== false
  const paused = textAt(object, 'metadata', 'annotations', 'argocd.argoproj.io/skip-reconcile') === 'true'
  const generated = listAt(object, 'metadata', 'ownerReferences').some(owner => textAt(owner, 'kind') === 'ApplicationSet')
  const running = textAt(object, 'status', 'operationState', 'phase') === 'Running'
  const base = {
    kind: 'Application',
    name,
    // An ApplicationSet writes its Applications anew, so a change of the Application does not last.
    ...(generated ? {} : { object: placeOf(path, object) }),
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

interface FluxKind {
  readonly kind: 'Kustomization' | 'HelmRelease'
  readonly label: string
  readonly path: (namespace: string, name: string) => string
}

const KUSTOMIZATION: FluxKind = {
  kind: 'Kustomization',
  label: 'kustomize.toolkit.fluxcd.io',
  path: (namespace, name) =>
    `/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/${encodeURIComponent(namespace)}/kustomizations/${encodeURIComponent(name)}`
}
const HELM_RELEASE: FluxKind = {
  kind: 'HelmRelease',
  label: 'helm.toolkit.fluxcd.io',
  path: (namespace, name) =>
    `/apis/helm.toolkit.fluxcd.io/v2/namespaces/${encodeURIComponent(namespace)}/helmreleases/${encodeURIComponent(name)}`
}

async function fluxOwner(kube: Kube, { labels, annotations }: Workload, flux: FluxKind, signal: AbortSignal): Promise<Owner | undefined> {
  const name = labels[`${flux.label}/name`]
  const namespace = labels[`${flux.label}/namespace`]
  if (name === undefined || namespace === undefined) return undefined
  const path = flux.path(namespace, name)
  const answer = await kube.get(path, signal)
  const base = { kind: flux.kind, name: `${namespace}/${name}` } as const
  if (answer.kind !== 'ok') return { ...base, enforces: 'unknown', detail: `the ${flux.kind} cannot be read: ${answer.detail}` }
  const known = { ...base, object: placeOf(path, answer.object) }
  if (optedOut(flux, { ...annotations, ...labels })) return { ...known, enforces: 'no', detail: 'the object is marked as not reconciled' }
  const reconciling = listAt(answer.object, 'status', 'conditions').some(
    condition => textAt(condition, 'type') === 'Reconciling' && textAt(condition, 'status') === 'True'
  )
  if (objectAt(answer.object, 'spec')['suspend'] !== true)
    return {
      ...known,
      enforces: 'yes',
      detail: `it applies what Git says every ${textAt(answer.object, 'spec', 'interval') ?? 'interval'}`
    }
  // A reconciliation that began before the suspension still goes on to its end.
  if (reconciling) return { ...known, enforces: 'yes', detail: 'it is suspended, and a reconciliation that began before is still running' }
  return { ...known, enforces: 'no', detail: 'it is suspended' }
}

function optedOut(flux: FluxKind, marks: Readonly<Record<string, string>>): boolean {
  return (
    flux.kind === 'Kustomization' &&
    (marks[`${flux.label}/reconcile`] === 'disabled' || ['Ignore', 'IfNotPresent'].includes(marks[`${flux.label}/ssa`] ?? ''))
  )
}

function placeOf(path: string, object: JsonObject) {
  return {
    path,
    uid: textAt(object, 'metadata', 'uid') ?? '',
    annotated: Object.keys(objectAt(object, 'metadata', 'annotations')).length > 0
  }
}
