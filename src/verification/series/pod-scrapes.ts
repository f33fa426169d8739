import type { GuardedPod } from '../../domain/guarded-pod.ts'
import { type Counter, weigh } from '../sequential/counting/counter.ts'
import type { Wanted } from '../sequential/counting/number-source.ts'
import type { Labels, Scrape, Series } from '../sequential/counting/scrape.ts'
import { seriesKey } from '../sequential/counting/source.ts'
import { ofOneReplica, replicaOf, spacing, type TargetScrape } from './one-replica.ts'
import { targetOf, UP } from './own-labels.ts'
import type { RawSeries } from './raw-series.ts'
import { restartsAt } from './restarts.ts'

/** The pod that a sample is of; the instant is the source's clock. */
export type FindPod = (labels: Labels, at: number) => GuardedPod | undefined

/** The scrapes of one target of one pod. */
interface Target {
  readonly pod: GuardedPod
  readonly target: string
  readonly scrapes: readonly TargetScrape[]
}

/**
 * Puts series together into scrapes: what one target of one pod had at one time. A scrape that succeeded (`up` is 1) and has no series
 * of what is counted is one as well: the pod had no requests yet.
 */
export function podScrapes(all: readonly RawSeries[], wanted: Wanted, find: FindPod): readonly Scrape[] {
  const targets = targetsOf(all, find)
  const counting = (one: Target): boolean =>
    one.scrapes.some(({ series }) => series.some(({ labels }) => isCounted(wanted.counters, labels)))
  const known = new Set(targets.filter(counting).map(({ target }) => target))
  const counted = new Set(targets.filter(counting).map(({ pod }) => pod.uid))
  return targets
    .filter(
      one =>
        counting(one) || (known.size === 0 ? one.target === firstOf(targets, one.pod) : known.has(one.target) && !counted.has(one.pod.uid))
    )
    .flatMap(one => scrapesOf(one, wanted))
}

function isCounted(counters: readonly Counter[], labels: Labels): boolean {
  return weigh(counters, labels).length > 0
}

/** Where nothing is counted anywhere, one target speaks for the pod: that it is there, and has no requests. */
function firstOf(targets: readonly Target[], pod: GuardedPod): string | undefined {
  return targets
    .filter(one => one.pod.uid === pod.uid)
    .map(({ target }) => target)
    .sort()[0]
}

function targetsOf(all: readonly RawSeries[], find: FindPod): readonly Target[] {
  const found = new Map<string, { pod: GuardedPod; target: string; byReplica: Map<string, Map<number, Series[]>> }>()
  for (const { labels, samples } of all) {
    const [target, replica] = [targetOf(labels), replicaOf(labels)]
    const isUp = labels['__name__'] === UP
    for (const { at, value } of samples) {
      const pod = find(labels, at)
      if (pod === undefined || (isUp && value !== 1)) continue
      const key = `${pod.uid} ${target}`
      const one = found.get(key) ?? { pod, target, byReplica: new Map() }
      found.set(key, one)
      const byTime = one.byReplica.get(replica) ?? new Map<number, Series[]>()
      one.byReplica.set(replica, byTime)
      const series = byTime.get(at) ?? []
      byTime.set(at, series)
      if (!isUp) series.push({ labels, value })
    }
  }
  return [...found.values()].map(({ pod, target, byReplica }) => ({
    pod,
    target,
    scrapes: ofOneReplica(
      [...byReplica].flatMap(([replica, byTime]) => [...byTime].map(([at, series]): TargetScrape => ({ at, replica, series })))
    )
  }))
}

function scrapesOf({ pod, scrapes }: Target, wanted: Wanted): readonly Scrape[] {
  const known = wanted.countedBefore?.[pod.uid]
  const before = known?.restarts ?? pod.restarts
  // Most looks bring no restart, and to tell thousands of series apart takes its time.
  if (before >= pod.restarts) return scrapes.map(({ at, series }) => ({ pod: pod.uid, at, restarts: pod.restarts, series }))
  const restarts = restartsAt(
    scrapes.map(({ at, series }) => ({ at, values: new Map(series.map(one => [seriesKey(one.labels), one.value])) })),
    { ...known, before, now: pod.restarts, others: showLater(pod, scrapes) }
  )
  return scrapes.map(({ at, series }, index) => ({ pod: pod.uid, at, restarts: restarts[index] ?? pod.restarts, series }))
}

/** A restart shows in the next scrape, or in the one after it: a container takes its time to start. */
const SCRAPES_TO_SHOW = 2

/**
 * Whether a restart that these scrapes don't show may still be shown: by when the container ended. Where that is not known, it may be
 * at any time.
 */
function showLater({ containers = [] }: GuardedPod, scrapes: readonly TargetScrape[]): 'may-show' | 'come-too-late' {
  const usual = spacing(scrapes.map(({ at }) => at))
  const ended = Math.max(...containers.map(container => container.ended?.at ?? Number.NEGATIVE_INFINITY))
  if (usual === undefined || !Number.isFinite(ended)) return 'may-show'
  return (scrapes.at(-1)?.at ?? 0) > ended + SCRAPES_TO_SHOW * usual ? 'come-too-late' : 'may-show'
}
