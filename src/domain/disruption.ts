import type { Refusal } from './reasons.ts'
import type { Workload } from './workload.ts'

/** How the API server says how many pods a budget needs (kubernetes `pkg/registry/core/pod/storage/eviction.go`). */
const NEEDS = /needs (\d+) healthy pods/

/**
 * The reason why a disruption budget keeps a pod. One that needs as many pods as there are never lets one go, and is not waited for.
 * @param detail the API server's sentence, which names the budget
 */
export function heldByBudget(detail: string, { replicas }: Pick<Workload, 'replicas'>): Refusal {
  const needs = NEEDS.exec(detail)?.[1]
  return needs !== undefined && Number(needs) >= replicas
    ? { reason: 'disruption-forbidden', detail: `${detail}; there are ${replicas} in all` }
    : { reason: 'disruption-budget', detail }
}
