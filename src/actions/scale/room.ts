import { isObject, listAt, objectAt, textAt, textMap } from '../../base/json.ts'
import type { Workload } from '../../domain/workload.ts'

/** What a quota still allows of one resource. */
export interface QuotaRoom {
  readonly quota: string
  readonly resource: string
  readonly hard: number
  readonly used: number
  /** What the new pods would need of it. */
  readonly needed: number
}

const SUFFIXES: Readonly<Record<string, number>> = {
  '': 1,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40
}

/** Parses a Kubernetes quantity; undefined for any other text. */
export function quantityOf(text: string): number | undefined {
  const found = /^(\d+(?:\.\d+)?(?:e\d+)?)(m|k|M|G|T|Ki|Mi|Gi|Ti|)$/.exec(text)
  const factor = SUFFIXES[found?.[2] ?? '']
  return found === null || factor === undefined ? undefined : Number(found[1]) * factor
}

/** How much one more pod of the target needs of each resource that quotas count. */
function needsOf({ template }: Pick<Workload, 'template'>): ReadonlyMap<string, number> {
  const needs = new Map<string, number>([['pods', 1]])
  const add = (name: string, text: string | undefined): void => {
    const amount = text === undefined ? undefined : quantityOf(text)
    if (amount !== undefined) needs.set(name, (needs.get(name) ?? 0) + amount)
  }
  for (const container of listAt(template, 'spec', 'containers')) {
    for (const kind of ['requests', 'limits'] as const) {
      const amounts = textMap(objectAt(container, 'resources')[kind])
      for (const resource of ['cpu', 'memory']) {
        add(`${kind}.${resource}`, amounts[resource])
        // A quota's plain name means requests.
        if (kind === 'requests') add(resource, amounts[resource])
      }
    }
  }
  return needs
}

/** The quotas of the namespace that limit what the new pods need. */
export function quotaRoom(quotas: readonly unknown[], workload: Pick<Workload, 'template'>, more: number): readonly QuotaRoom[] {
  const needs = needsOf(workload)
  return quotas.filter(isObject).flatMap(quota => {
    const used = textMap(objectAt(quota, 'status')['used'])
    return Object.entries(textMap(objectAt(quota, 'status')['hard'])).flatMap(([resource, hard]) => {
      const need = needs.get(resource)
      const limit = quantityOf(hard)
      if (need === undefined || limit === undefined) return []
      return [
        {
          quota: textAt(quota, 'metadata', 'name') ?? '',
          resource,
          hard: limit,
          used: quantityOf(used[resource] ?? '0') ?? 0,
          needed: need * more
        }
      ]
    })
  })
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
