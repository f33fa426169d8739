import { listAt, objectAt, textAt, textMap } from '../base/json.ts'
import type { Surroundings } from '../domain/ports/surroundings.ts'
import type { Workload } from '../domain/workload.ts'
import type { Fit, OlderTemplate } from './fit.ts'
import { type QuotaRoom, quotaRoom } from './scale/room.ts'

/** Looks whether the quotas of the namespace have room for the way back: for its first step, and for its end. */
export async function roomToRoll(around: Pick<Surroundings, 'quotas'>, older: OlderTemplate, signal: AbortSignal): Promise<Fit> {
  const { workload, template, readyPods } = older
  const wanted = podsToMake(workload, readyPods)
  // All its pods are still there, so none is made.
  if (wanted === 0) return { kind: 'fits', notLookedAt: [] }
  const looked = await around.quotas(workload.ref.namespace, signal)
  if (looked.kind === 'no-answer') return looked
  if (looked.kind === 'unseen') return { kind: 'fits', notLookedAt: [looked.why] }
  const quotas = looked.value
  const present = workload.pods.filter(pod => pod.current).length
  const goFirst = podsThatGoFirst(workload, present)
  const roomFor = (pods: number): readonly QuotaRoom[] => quotaRoom(quotas, { template }, pods)
  const freedBy = (pods: number): readonly QuotaRoom[] => quotaRoom(quotas, workload, pods)
  const first = firstOver(roomFor(workload.strategy === 'BlueGreen' ? wanted : 1), freedBy(goFirst))
  if (first !== undefined)
    return {
      kind: 'cannot',
      why: `quota ${first.quota} has no room for its first pod (${first.resource}: ${first.used} of ${first.hard} used), and ${goFirst === 0 ? 'none goes before it' : `what ${goFirst === 1 ? 'one pod' : `${goFirst} pods`} that go before it free is not enough`}`
    }
  const end = firstOver(roomFor(wanted), freedBy(present))
  if (end !== undefined)
    return {
      kind: 'cannot',
      why: `quota ${end.quota} has no room for all of its ${wanted} pods (${end.resource}: ${end.used} of ${end.hard} used)`
    }
  const unnamed = quotas.flatMap(quota => notNamed(quota, { template, present: workload.template }))
  return { kind: 'fits', notLookedAt: unnamed }
}

/** How many pods of the older template would have to be made. */
function podsToMake({ ref, replicas, pods }: Workload, readyPods = 0): number {
  const kept = ref.kind === 'StatefulSet' || ref.kind === 'DaemonSet' ? pods.filter(pod => !pod.current && pod.ready).length : readyPods
  return Math.max(0, replicas - kept)
}

/** How many of the present pods go before the first other one is made. */
function podsThatGoFirst({ strategy, rolling }: Workload, present: number): number {
  if (strategy === 'Recreate') return present
  if (strategy === 'BlueGreen') return 0
  // A set replaces its pods one by one: each goes first.
  return Math.min(present, rolling?.maxUnavailable ?? 1)
}

/** Fractions of a CPU do not add up exactly. No quota counts less than a thousandth. */
const LEAST = 1e-6

/** The first resource that would be used beyond its limit. */
function firstOver(needed: readonly QuotaRoom[], freed: readonly QuotaRoom[]): QuotaRoom | undefined {
  return needed.find(one => {
    const free = freed.find(other => other.quota === one.quota && other.resource === one.resource)?.needed ?? 0
    return one.used - free + one.needed > one.hard + LEAST
  })
}

/** A quota of requests takes no pod that does not name them. A LimitRange may fill them in, and Astern does not look at those. */
function notNamed(quota: unknown, { template, present }: { readonly template: unknown; readonly present: unknown }): readonly string[] {
  return Object.keys(textMap(objectAt(quota, 'status')['hard'])).flatMap(resource => {
    const found = /^(?:(requests|limits)\.)?(cpu|memory)$/.exec(resource)
    if (found === null) return []
    const [, kind = 'requests', name = ''] = found
    const lacks = (of: unknown): boolean =>
      listAt(of, 'spec', 'containers').some(container => textAt(container, 'resources', kind, name) === undefined)
    return lacks(template) && !lacks(present)
      ? [
          `whether a LimitRange fills in ${resource}, which quota ${textAt(quota, 'metadata', 'name') ?? ''} demands and the older version does not name`
        ]
      : []
  })
}
