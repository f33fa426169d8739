import type { GuardedPod } from '../../domain/guarded-pod.ts'
import type { PastQuestion } from '../sequential/counting/number-source.ts'
import type { RawSeries } from './raw-series.ts'
import { keyOfSeries, type Road } from './roads.ts'

/**
 * A pod is scraped on while it shuts down, and what it does then is its shutdown's doing. Kubernetes gives it 30 s unless told
 * otherwise, milliseconds.
 */
const SHUTDOWN_MS = 30_000

/**
 * The pods of the old version that served at the deploy and are gone from the cluster since, by their scrapes (`up`, Astern's clock).
 * Whatever was scraped before the deploy is of the old version, unless its name says that it is of the new one's ReplicaSet.
 */
export function goneOldPods(ups: readonly RawSeries[], road: Road, question: PastQuestion): readonly GuardedPod[] {
  const { from: deployedAt, pods, target } = question
  const fresh = new Set(pods.filter(({ version }) => version === 'new').map(({ name }) => replicaSetOf(name)))
  const hasSets = target.kind === 'Deployment' || target.kind === 'Rollout'
  return [...Map.groupBy(ups, ({ labels }) => keyOfSeries(road, labels))].flatMap(([name, series]) => {
    const births = pods.filter(pod => pod.name === name).map(({ bornAt }) => bornAt)
    // Somebody who has the name since then was not there before: so it is with a StatefulSet's pods.
    const until = Math.min(Number.POSITIVE_INFINITY, ...births)
    if (until <= deployedAt || (hasSets && fresh.has(replicaSetOf(name)))) return []
    const scraped = series.flatMap(({ samples }) => samples.filter(({ at, value }) => value === 1 && at < until).map(({ at }) => at))
    const [first, last] = [Math.min(...scraped), Math.max(...scraped)]
    const deletedAt = last - SHUTDOWN_MS
    if (!(first <= deployedAt && deletedAt > deployedAt)) return []
    const none = { restarts: 0, annotations: {}, ports: [], probes: [] }
    const { namespace } = target
    return [
      { uid: `gone:${name}`, name, namespace, version: 'old', bornAt: first, readyFrom: first, deletedAt, ...none } satisfies GuardedPod
    ]
  })
}

function replicaSetOf(name: string): string {
  return name.replace(/-[^-]+$/, '')
}
