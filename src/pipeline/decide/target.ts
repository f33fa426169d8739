import type { ObjectRef } from '../../domain/objects.ts'
import type { Policy, PolicyStep } from '../../domain/policy.ts'
import type { Refusal } from '../../domain/reasons.ts'
import { askedTarget, type Trigger, templateValues } from '../../domain/trigger.ts'
import { renderObjectName } from '../../templates/object-name.ts'
import { renderRefusal } from '../../templates/template.ts'

export type TargetResult = { readonly kind: 'target'; readonly target: ObjectRef } | { readonly kind: 'refused'; readonly refusal: Refusal }

/** Finds the object that a policy, or one of its rungs, means for a trigger. Pure: it asks nothing of the cluster. */
export function targetOf(policy: Policy, trigger: Trigger, step?: Pick<PolicyStep, 'target'>): TargetResult {
  const asked = askedTarget(trigger)
  if (asked !== undefined && step?.target === undefined) return { kind: 'target', target: asked }
  const values = templateValues(trigger)
  const reference = step?.target ?? policy.target
  const namespace = renderObjectName(reference.namespace, 'namespace', values)
  if (namespace.kind !== 'text') return { kind: 'refused', refusal: renderRefusal(namespace) }
  const name = renderObjectName(reference.name, 'name', values)
  if (name.kind !== 'text') return { kind: 'refused', refusal: renderRefusal(name) }
  return { kind: 'target', target: { kind: reference.kind, namespace: namespace.text, name: name.text } }
}
