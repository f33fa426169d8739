import { isObject, type JsonObject, listAt, objectAt, textAt, textMap } from '../../base/json.ts'
import { billionthsOf, quantityOf, toNumber } from '../../base/quantity.ts'
import type { Workload } from '../../domain/workload.ts'
import { containerNames, podUsage, saysForThePod } from './pod-usage.ts'
import { countsPod } from './quota-scopes.ts'

/** What a quota still allows of one resource. */
export interface QuotaRoom {
  readonly quota: string
  readonly resource: string
  readonly hard: number
  readonly used: number
  /** What the new pods would need of it. */
  readonly needed: number
}

/** The same in billionths, because Kubernetes compares exactly: 0.1 and 0.2 are not more than 0.3. */
interface ExactRoom {
  readonly quota: string
  readonly resource: string
  readonly hard: bigint
  readonly used: bigint
  readonly needed: bigint
}

/** The quotas of the namespace that count the new pods, and what each counts of them. `template`: a pod, or a pod template. */
export function quotaRoom(quotas: readonly unknown[], { template }: Pick<Workload, 'template'>, more: number): readonly QuotaRoom[] {
  return roomsOf(quotas, template, more).map(({ hard, used, needed, ...of }) => ({
    ...of,
    hard: toNumber(hard),
    used: toNumber(used),
    needed: toNumber(needed)
  }))
}

function roomsOf(quotas: readonly unknown[], pod: JsonObject, more: number): readonly ExactRoom[] {
  const usage = podUsage(pod)
  return quotas
    .filter(isObject)
    .filter(quota => countsPod(quota, pod))
    .flatMap(quota => {
      const used = textMap(objectAt(quota, 'status')['used'])
      return Object.entries(textMap(objectAt(quota, 'status')['hard'])).flatMap(([resource, text]) => {
        const each = usage.get(resource) ?? 0n
        const hard = billionthsOf(text)
        // A quota may be over its limit already. That concerns only pods which need more of that very resource.
        if (each <= 0n || hard === undefined) return []
        const name = textAt(quota, 'metadata', 'name') ?? ''
        return [{ quota: name, resource, hard, used: billionthsOf(used[resource] ?? '0') ?? 0n, needed: each * BigInt(more) }]
      })
    })
}

/** Why a quota would let in none of the new pods, or not all of them; undefined where every quota has room. */
export function quotaRefusal(quotas: readonly unknown[], pod: JsonObject, more: number): string | undefined {
  if (more <= 0) return undefined
  const full = roomsOf(quotas, pod, more).find(({ hard, used, needed }) => used + needed > hard)
  if (full === undefined) return undefined
  const [used, hard, needed] = [full.used, full.hard, full.needed].map(toNumber)
  return `quota ${full.quota}: ${full.resource} ${used} of ${hard} used, ${needed} more needed`
}

/** A quota of these lets in only pods whose every container names them. */
const MUST_BE_NAMED: ReadonlySet<string> = new Set(['cpu', 'memory', 'requests.cpu', 'requests.memory', 'limits.cpu', 'limits.memory'])

/** Why a quota would let in no such pod: a container does not name what the quota counts. `pod` must be one that the API server made. */
export function unnamedRefusal(quotas: readonly unknown[], pod: JsonObject): string | undefined {
  if (saysForThePod(pod)) return undefined
  const containers = [...listAt(pod, 'spec', 'containers'), ...listAt(pod, 'spec', 'initContainers')]
  for (const quota of quotas.filter(isObject).filter(one => countsPod(one, pod)))
    for (const resource of Object.keys(objectAt(quota, 'status', 'hard'))) {
      const silent = MUST_BE_NAMED.has(resource) ? containers.filter(container => !containerNames(container).has(resource)) : []
      if (silent.length > 0)
        return `quota ${textAt(quota, 'metadata', 'name') ?? ''} lets in only pods that name ${resource}, and ${silent.map(one => textAt(one, 'name') ?? '?').join(', ')} does not`
    }
  return undefined
}

/** What the nodes that take pods could hold in all. It leaves out what runs there, because that would mean reading every pod. */
export interface NodeRoom {
  readonly schedulable: number
  readonly cpu: number
  readonly memory: number
  readonly pods: number
}

export function nodeRoom(nodes: readonly unknown[]): NodeRoom {
  const open = nodes.filter(
    node =>
      objectAt(node, 'spec')['unschedulable'] !== true &&
      listAt(node, 'status', 'conditions').some(one => textAt(one, 'type') === 'Ready' && textAt(one, 'status') === 'True')
  )
  const sum = (resource: string): number =>
    open.reduce<number>((total, node) => total + (quantityOf(textAt(node, 'status', 'allocatable', resource) ?? '0') ?? 0), 0)
  return { schedulable: open.length, cpu: sum('cpu'), memory: sum('memory'), pods: sum('pods') }
}
