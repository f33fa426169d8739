import { kubectlName } from '../domain/objects.ts'
import type { Owner, OwnerKind } from '../domain/owner.ts'
import type { Workload } from '../domain/workload.ts'
import { argoOwner } from './argo-owner.ts'
import { fluxOwner, HELM_RELEASE, KUSTOMIZATION } from './flux-owner.ts'
import type { OwnerReading } from './owner-reading.ts'

/** Field managers that write only what Git or a release says, and the kind of owner that each of them works for. */
const ENFORCERS: Readonly<Record<string, OwnerKind>> = {
  'argocd-controller': 'Application',
  'argocd-application-controller': 'Application',
  'kustomize-controller': 'Kustomization',
  'helm-controller': 'HelmRelease'
}

/**
 * Finds who declares what the target is, and whether they would put their version back (facts D.0 to D.2). An owner counts only if
 * it lists the target itself. One that cannot be asked is `unknown`, and nothing is written over it.
 */
export async function readOwners(reading: OwnerReading): Promise<readonly Owner[]> {
  const asked = await Promise.all([argoOwner(reading), fluxOwner(reading, KUSTOMIZATION), fluxOwner(reading, HELM_RELEASE)])
  const owners = asked.filter(owner => owner !== undefined)
  const { workload } = reading
  const { controller, ref } = workload
  if (controller !== undefined)
    owners.push({
      kind: 'controller',
      name: `${controller.kind} ${ref.namespace}/${controller.name}`,
      enforces: 'yes',
      detail: `${controller.apiVersion} ${controller.kind} ${controller.name} controls it: change that one`
    })
  return [...owners, ...managersWithoutOwner(workload, owners)]
}

/**
 * Metadata may be missing or be somebody else's, but the field managers are always known. All of them count: whoever wrote after a
 * controller, with `kubectl rollout restart` for instance, has not taken the rest of the template from it.
 */
function managersWithoutOwner(workload: Workload, owners: readonly Owner[]): readonly Owner[] {
  const seen = new Set<string>()
  return (workload.templateWriters ?? []).flatMap(writer => {
    const kind = ENFORCERS[writer.manager]
    if (kind === undefined || seen.has(writer.manager)) return []
    if (owners.some(owner => owner.kind === kind && owner.hint !== true)) return []
    seen.add(writer.manager)
    return [
      {
        kind: 'field-manager' as const,
        name: writer.manager,
        enforces: 'unknown' as const,
        detail: `${writer.manager} wrote the template, and no ${kind} that has the target can be found. If it is not managed any more: ${clearing(workload, writer.manager)}`
      }
    ]
  })
}

/**
 * The command that takes a field manager's entries away: it has two where it once updated and now applies. It does nothing if
 * another entry has one of the places by then.
 */
function clearing({ ref, templateAt, uid, templateWriters = [] }: Workload, manager: string): string {
  const patch = templateWriters
    .filter(writer => writer.manager === manager)
    // Each removal moves the entries behind it.
    .sort((a, b) => b.index - a.index)
    .map(({ index }) => `/metadata/managedFields/${index}`)
    .flatMap(entry => [
      { op: 'test', path: `${entry}/manager`, value: manager },
      { op: 'remove', path: entry }
    ])
  const [resource = '', name = ''] = templateAt.path.split('/').slice(-2)
  const written = templateAt.uid === uid ? kubectlName(ref) : `${resource}/${decodeURIComponent(name)}`
  return `kubectl -n ${ref.namespace} patch ${written} --type=json -p '${JSON.stringify(patch)}'`
}
