import { isObject, type JsonObject, listAt, objectAt, textAt } from '../../base/json.ts'
import { amountsIn } from './pod-usage.ts'

/** What a quota demands of the pods that it counts, beside what it counts of them. */
interface Scope {
  readonly name: string
  readonly operator: string
  readonly values: readonly string[]
}

/** Whether a quota counts a pod: every one of its scopes must match, and every expression of its selector. */
export function countsPod(quota: JsonObject, pod: JsonObject): boolean {
  return scopesOf(quota).every(scope => matches(scope, pod))
}

function scopesOf(quota: JsonObject): readonly Scope[] {
  const plain = listAt(quota, 'spec', 'scopes').map(name => ({ name: String(name), operator: 'Exists', values: [] }))
  const selected = listAt(quota, 'spec', 'scopeSelector', 'matchExpressions').map(expression => ({
    name: textAt(expression, 'scopeName') ?? '',
    operator: textAt(expression, 'operator') ?? '',
    values: listAt(expression, 'values').map(String)
  }))
  return [...plain, ...selected]
}

function matches({ name, operator, values }: Scope, pod: JsonObject): boolean {
  const spec = objectAt(pod, 'spec')
  switch (name) {
    case 'Terminating':
      return ends(spec)
    case 'NotTerminating':
      return !ends(spec)
    case 'BestEffort':
      return isBestEffort(pod)
    case 'NotBestEffort':
      return !isBestEffort(pod)
    case 'PriorityClass':
      return matchesClass(textAt(spec, 'priorityClassName') ?? '', operator, values)
    case 'CrossNamespacePodAffinity':
      return looksElsewhere(spec)
    default:
      // A scope of other objects, such as volumes, counts no pod.
      return false
  }
}

/** A pod without a class is in none, so `NotIn` and `DoesNotExist` match it. */
function matchesClass(priorityClass: string, operator: string, values: readonly string[]): boolean {
  switch (operator) {
    case 'Exists':
      return priorityClass !== ''
    case 'DoesNotExist':
      return priorityClass === ''
    case 'In':
      return values.includes(priorityClass)
    case 'NotIn':
      return !values.includes(priorityClass)
    default:
      return false
  }
}

/** The scope is called `Terminating`, and means pods that have a deadline. */
function ends(spec: JsonObject): boolean {
  const deadline = spec['activeDeadlineSeconds']
  return typeof deadline === 'number' && deadline >= 0
}

/** The API server's own word, where there is one; else no container asks for CPU or memory. */
function isBestEffort(pod: JsonObject): boolean {
  const known = textAt(pod, 'status', 'qosClass')
  if (known !== undefined && known !== '') return known === 'BestEffort'
  const spec = objectAt(pod, 'spec')
  const askers = isObject(spec['resources']) ? [spec] : [...listAt(spec, 'containers'), ...listAt(spec, 'initContainers')]
  return askers.every(asker => {
    const resources = objectAt(asker, 'resources')
    return [resources['requests'], resources['limits']].every(map => {
      const amounts = amountsIn(map)
      return (amounts.get('cpu') ?? 0n) <= 0n && (amounts.get('memory') ?? 0n) <= 0n
    })
  })
}

/** Whether it wants to be near pods of other namespaces, or far from them. */
function looksElsewhere(spec: JsonObject): boolean {
  return ['podAffinity', 'podAntiAffinity'].some(kind => {
    const rules = objectAt(spec, 'affinity', kind)
    const terms = [
      ...listAt(rules, 'requiredDuringSchedulingIgnoredDuringExecution'),
      ...listAt(rules, 'preferredDuringSchedulingIgnoredDuringExecution').map(weighted => objectAt(weighted, 'podAffinityTerm'))
    ]
    return terms.some(term => listAt(term, 'namespaces').length > 0 || isObject(objectAt(term)['namespaceSelector']))
  })
}
