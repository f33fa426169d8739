import { isObject, type JsonObject, listAt, objectAt, textAt } from '../../base/json.ts'
import { billionthsOf } from '../../base/quantity.ts'

/** Amounts of resources by name, in billionths. */
export type Amounts = ReadonlyMap<string, bigint>

/** The resources that a pod may say for all of its containers together; of huge pages, every size. */
const FOR_THE_POD: ReadonlySet<string> = new Set(['cpu', 'memory'])
const HUGE_PAGES = 'hugepages-'
const ONE = 1_000_000_000n

/**
 * What quotas count of one pod, by the names that quotas have for it (Kubernetes' `pkg/quota/v1/evaluator/core/pods.go`). `pod` is a pod,
 * or a template: what the API server adds to a pod is then not known.
 */
export function podUsage(pod: JsonObject): Amounts {
  const spec = objectAt(pod, 'spec')
  const requests = podAmounts(spec, 'requests')
  const limits = podAmounts(spec, 'limits')
  return new Map([['count/pods', ONE], ...namesOf(requests, limits)])
}

/** The names under which quotas count requests and limits. */
function namesOf(requests: Amounts, limits: Amounts): readonly (readonly [string, bigint])[] {
  const counted: (readonly [string, bigint])[] = [['pods', ONE]]
  for (const [name, amount] of requests) {
    const isBasic = name === 'cpu' || name === 'memory' || name === 'ephemeral-storage'
    // A quota's plain name means requests. Other resources are counted by requests alone.
    if (isBasic || name.startsWith(HUGE_PAGES)) counted.push([name, amount], [`requests.${name}`, amount])
    else if (isExtended(name)) counted.push([`requests.${name}`, amount])
  }
  for (const [name, amount] of limits)
    if (name === 'cpu' || name === 'memory' || name === 'ephemeral-storage') counted.push([`limits.${name}`, amount])
  return counted
}

/** Whether a resource is none of Kubernetes' own, such as a GPU; or a class of devices, which is counted like one. */
function isExtended(name: string): boolean {
  if (name.startsWith('deviceclass.resource.kubernetes.io/')) return true
  return name.includes('/') && !name.includes('kubernetes.io/') && !name.startsWith('requests.')
}

/** The sum over a pod: containers and sidecars, or the start where that needs more; the pod's own where it says so; the overhead. */
function podAmounts(spec: JsonObject, kind: 'requests' | 'limits'): Amounts {
  const total = new Map<string, bigint>()
  for (const container of listAt(spec, 'containers')) add(total, amountsOf(container, kind))
  const sidecars = new Map<string, bigint>()
  const starting: Amounts[] = []
  for (const container of listAt(spec, 'initContainers')) {
    const own = amountsOf(container, kind)
    const isSidecar = textAt(container, 'restartPolicy') === 'Always'
    if (isSidecar) {
      add(total, own)
      add(sidecars, own)
    }
    starting.push(isSidecar ? new Map(sidecars) : sum(own, sidecars))
  }
  for (const amounts of starting) for (const [name, amount] of amounts) if (amount > (total.get(name) ?? 0n)) total.set(name, amount)
  for (const [name, amount] of amountsIn(objectAt(spec, 'resources')[kind])) if (isForThePod(name)) total.set(name, amount)
  for (const [name, amount] of amountsIn(spec['overhead']))
    if (kind === 'requests' || (total.get(name) ?? 0n) > 0n) total.set(name, (total.get(name) ?? 0n) + amount)
  return total
}

function isForThePod(name: string): boolean {
  return FOR_THE_POD.has(name) || name.startsWith(HUGE_PAGES)
}

/** Whether the pod says its resources for all containers together. Then no container has to. */
export function saysForThePod(pod: JsonObject): boolean {
  const spec = objectAt(pod, 'spec')
  return [...amountsIn(objectAt(spec, 'resources')['requests']), ...amountsIn(objectAt(spec, 'resources')['limits'])].some(([name]) =>
    isForThePod(name)
  )
}

/** The names of what quotas count of one container alone. */
export function containerNames(container: unknown): ReadonlySet<string> {
  return new Set(namesOf(amountsOf(container, 'requests'), amountsOf(container, 'limits')).map(([name]) => name))
}

/** The API server takes a limit for the request, where a container names no request. */
function amountsOf(container: unknown, kind: 'requests' | 'limits'): Amounts {
  const resources = objectAt(container, 'resources')
  const own = amountsIn(resources[kind])
  return kind === 'limits' ? own : new Map([...amountsIn(resources['limits']), ...own])
}

/** The amounts in a map of resources, as it is written. */
export function amountsIn(map: unknown): Amounts {
  if (!isObject(map)) return new Map()
  return new Map(
    Object.entries(map).flatMap(([name, text]) => {
      const amount = billionthsOf(String(text))
      return amount === undefined ? [] : [[name, amount] as const]
    })
  )
}

function add(to: Map<string, bigint>, amounts: Amounts): void {
  for (const [name, amount] of amounts) to.set(name, (to.get(name) ?? 0n) + amount)
}

function sum(one: Amounts, other: Amounts): Amounts {
  const both = new Map(one)
  add(both, other)
  return both
}
