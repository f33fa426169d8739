import type { GuardedPod } from '../../domain/guarded-pod.ts'
import { quoteRegex } from '../../templates/promql.ts'
import type { Labels } from '../sequential/counting/scrape.ts'
import { anyOf, type LabelMatcher } from './selector.ts'

/**
 * The label by which a pod's series are found, in the order in which it is looked for. `exported_pod` is not among them: it is a label
 * that the pod itself wrote, about whatever pod.
 */
export const ROADS = ['pod', 'kubernetes_pod_name', 'pod_name', 'instance'] as const
export type Road = (typeof ROADS)[number]

/** The label of the namespace that goes with a pod's name. */
const NAMESPACE_LABELS = { pod: 'namespace', kubernetes_pod_name: 'kubernetes_namespace', pod_name: 'namespace' } as const

const NAMING = ['pod', 'kubernetes_pod_name', 'pod_name'] as const

/** The matchers of these pods' series; undefined where there is nothing to look for. */
export function matchersOf(road: Road, pods: readonly GuardedPod[]): readonly LabelMatcher[] | undefined {
  const [first] = pods
  if (first === undefined) return undefined
  if (road !== 'instance') return namedMatchers(road, first.namespace, anyOf([...new Set(pods.map(({ name }) => name))]))
  const addresses = [...new Set(pods.flatMap(({ ip }) => (ip === undefined ? [] : [ip])))]
  if (addresses.length === 0) return undefined
  // A series that names a pod by a label is found by that label, or is another cluster's.
  const unnamed = NAMING.map((label): LabelMatcher => ({ label, operator: '=', value: '' }))
  return [{ label: 'instance', operator: '=~', value: `(${addresses.map(hostExpression).join('|')})(:[0-9]+)?` }, ...unnamed]
}

/** The matchers of all pods of a namespace whose names match. Series without a label of the namespace are not refused. */
export function namedMatchers(road: Exclude<Road, 'instance'>, namespace: string, names: string): readonly LabelMatcher[] {
  return [
    { label: NAMESPACE_LABELS[road], operator: '=~', value: `${quoteRegex(namespace)}|` },
    { label: road, operator: '=~', value: names }
  ]
}

function hostExpression(ip: string): string {
  return quoteRegex(ip.includes(':') ? `[${ip}]` : ip)
}

/** What names the pod in a series: its name, or its address. */
export function keyOfSeries(road: Road, labels: Labels): string {
  const value = labels[road] ?? ''
  return road === 'instance' ? value.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1') : value
}

function keyOfPod(road: Road, pod: GuardedPod): string {
  return road === 'instance' ? (pod.ip ?? '') : pod.name
}

/** How exact a birth is: whole seconds, and two clocks that are compared by headers of whole seconds. Milliseconds. */
const UNSURE_MS = 2_000

/**
 * Which pod a sample is of. Names of a StatefulSet's pods and all addresses are used again, so that the time decides: a pod has its name
 * from its birth to the birth of the next, and its address only until its deletion begins, for then it may be anybody's.
 */
export function podFinder(road: Road, pods: readonly GuardedPod[]): (labels: Labels, at: number) => GuardedPod | undefined {
  const byKey = Map.groupBy(pods, pod => keyOfPod(road, pod))
  return (labels, at) => {
    const same = byKey.get(keyOfSeries(road, labels))
    if (same === undefined) return undefined
    const exact = road !== 'instance' && same.length === 1
    const born = same.filter(({ bornAt }) => bornAt <= at).toSorted((a, b) => b.bornAt - a.bornAt)[0]
    if (born === undefined || exact) return born
    // Near a birth it can't be told which of the two it was. The counters add up: the next sample has what this one has.
    if (at < born.bornAt + UNSURE_MS) return undefined
    return road === 'instance' && born.deletedAt !== undefined && at > born.deletedAt ? undefined : born
  }
}

/** What was found, for people. */
export function roadSaid(road: Road): string {
  return road === 'instance'
    ? 'pods are told apart by their addresses (instance), because no label has their names: an address counts from a pod’s birth to its deletion'
    : `pods are told apart by the label ${road}`
}
