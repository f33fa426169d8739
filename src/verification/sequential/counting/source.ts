import { hashOf } from '../../../base/hashes.ts'
import { canonicalJson } from '../../../base/json.ts'
import type { Labels, Scrape, Series } from './scrape.ts'

/** Labels that name a Prometheus replica. Both replicas read the same counters, so that their scrapes are one sequence. */
export const REPLICA_LABELS: ReadonlySet<string> = new Set([
  'prometheus_replica',
  '__replica__',
  'replica',
  'prometheus',
  'receive_replica',
  'rule_replica'
])

/** Labels of the target, and not of the request. Two targets of one pod (two ports, two jobs) count the same requests twice. */
export const TARGET_LABELS: ReadonlySet<string> = new Set([
  'job',
  'instance',
  'endpoint',
  'service',
  'container',
  'namespace',
  'pod',
  'node',
  'cluster',
  'pod_ip',
  'host'
])

/** The labels of a target that differ from pod to pod: they can't name the same target in all pods. */
const OF_ONE_POD: ReadonlySet<string> = new Set(['pod', 'node', 'pod_ip', 'host', 'namespace', 'cluster'])

/** Whether a label of that name tells a scraper’s target or a replica, where Prometheus was asked. */
export function tellsTarget(name: string): boolean {
  return TARGET_LABELS.has(name) || REPLICA_LABELS.has(name)
}

/** Where a pod’s series come from, as a text that is the same for the same target in every pod. */
export function sourceOf(labels: Labels): string {
  const naming: Record<string, string> = {}
  for (const [name, value] of Object.entries(labels)) {
    if (!TARGET_LABELS.has(name) || OF_ONE_POD.has(name)) continue
    // Of an address, only the port is the same in every pod.
    naming[name] = name === 'instance' ? (/:(\d+)$/.exec(value)?.[1] ?? '') : value
  }
  return canonicalJson(naming)
}

/**
 * What tells one series of a pod from another: a hash of its labels without those of the target or of a replica. Busy services have
 * thousands of series, and all of them are written down with each look; 64 bits keep them short, and apart.
 */
export function seriesKey(labels: Labels): string {
  const own: Record<string, string> = {}
  for (const [name, value] of Object.entries(labels)) if (!TARGET_LABELS.has(name) && !REPLICA_LABELS.has(name)) own[name] = value
  return hashOf(own).slice(0, 16)
}

/** What was read of one pod at one time from one source, without repetitions. */
export interface Reading {
  readonly at: number
  readonly restarts: number
  readonly values: ReadonlyMap<string, Series>
  /** The same series twice with different values: two processes behind one address, or replicas without a label. */
  readonly contradictory: boolean
}

/** A pod’s scrapes of one source, in the order of time. */
export interface FromOneSource {
  readonly source: string
  readonly readings: readonly Reading[]
  /** Other sources that count the same pod, and are left alone. */
  readonly others: readonly string[]
}

/**
 * One pod’s scrapes, of one source only: the one that counted so far, else the first in the order of its text, which is the same for
 * every pod. Series summed over two sources make each error two, and that alone rolls back good versions.
 */
export function fromOneSource(scrapes: readonly Scrape[], counted: (labels: Labels) => boolean, sofar: string | undefined): FromOneSource {
  const sources = new Set<string>()
  for (const scrape of scrapes) for (const { labels } of scrape.series) if (counted(labels)) sources.add(sourceOf(labels))
  const ordered = [...sources].sort()
  const source = sofar !== undefined && (sources.has(sofar) || sources.size === 0) ? sofar : (ordered[0] ?? '')
  const times = [...new Set(scrapes.map(({ at }) => at))].sort((a, b) => a - b)
  return {
    source,
    readings: times.map(at =>
      readingAt(
        at,
        scrapes.filter(scrape => scrape.at === at),
        series => counted(series.labels) && sourceOf(series.labels) === source
      )
    ),
    others: ordered.filter(one => one !== source)
  }
}

function readingAt(at: number, scrapes: readonly Scrape[], wanted: (series: Series) => boolean): Reading {
  const values = new Map<string, Series>()
  let contradictory = false
  for (const scrape of scrapes)
    for (const series of scrape.series) {
      if (!wanted(series) || !(series.value >= 0)) continue
      const key = seriesKey(series.labels)
      const known = values.get(key)
      if (known !== undefined && known.value !== series.value) contradictory = true
      values.set(key, series)
    }
  return { at, restarts: Math.max(...scrapes.map(({ restarts }) => restarts)), values, contradictory }
}
