import type { Incident } from '../../domain/incident.ts'
import type { ObjectRef } from '../../domain/objects.ts'
import type { Policy, PolicyStep } from '../../domain/policy.ts'
import type { Refusal } from '../../domain/reasons.ts'
import { renderObjectName } from '../../templates/object-name.ts'
import { renderRefusal } from '../../templates/template.ts'

export type TargetResult = { readonly kind: 'target'; readonly target: ObjectRef } | { readonly kind: 'refused'; readonly refusal: Refusal }

/** The one object that a policy, or one of its rungs, means for an incident. Pure: nothing is asked of the cluster. */
export function targetOf(policy: Policy, incident: Incident, step?: Pick<PolicyStep, 'target'>): TargetResult {
  if (incident.request?.target !== undefined && step?.target === undefined) return { kind: 'target', target: incident.request.target }
  const values = { labels: incident.labels, annotations: incident.annotations }
  const said = step?.target ?? policy.target
  const namespace = renderObjectName(said.namespace, 'namespace', values)
  if (namespace.kind !== 'text') return { kind: 'refused', refusal: renderRefusal(namespace) }
  const name = renderObjectName(said.name, 'name', values)
  if (name.kind !== 'text') return { kind: 'refused', refusal: renderRefusal(name) }
  return { kind: 'target', target: { kind: said.kind, namespace: namespace.text, name: name.text } }
}
