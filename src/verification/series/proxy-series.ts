import { hashOf } from '../../base/hashes.ts'
import type { Counter } from '../sequential/counting/counter.ts'
import type { Labels } from '../sequential/counting/scrape.ts'
import { REPLICA_LABELS } from '../sequential/counting/source.ts'
import type { RawSeries } from './raw-series.ts'

export type ProxyCounter = Extract<Counter, { kind: 'proxy-errors' }>

/** One proxy as one scraper sees it, with its series. The labels of the series are the requests’ own. */
export interface ProxyTarget {
  /** The same for the same target in every answer: `nameOfProxy` tells the part of it that is for people. */
  readonly uid: string
  readonly series: readonly ProxySeries[]
}

export interface ProxySeries extends RawSeries {
  readonly replica: string
}

/** Labels that name a scraper’s target. `namespace`, `host` and `service` are not among them: ingress-nginx has them of the Ingress. */
const OF_TARGET: ReadonlySet<string> = new Set(['job', 'instance', 'pod', 'endpoint', 'container', 'node', 'pod_ip', 'cluster'])

/** Labels that the judge takes for a target’s. Here they tell requests apart, and are renamed as Prometheus does it where both meet. */
const RENAMED: ReadonlySet<string> = new Set(['host', 'service', 'namespace'])

/**
 * Puts the series of a counter together by the proxy that they come from. A proxy that two jobs scrape counts once: summed twice, each error
 * is two.
 */
export function targetsOfProxies(counter: ProxyCounter, all: readonly RawSeries[]): readonly ProxyTarget[] {
  const proxies = Map.groupBy(all, ({ labels }) => proxyOf(labels))
  return [...proxies].flatMap(([proxy, own]): readonly ProxyTarget[] => {
    const [first] = [...Map.groupBy(own, ({ labels }) => jobOf(labels))].toSorted(([a], [b]) => (a < b ? -1 : 1))
    if (first === undefined) return []
    const [job, series] = first
    const labels = series[0]?.labels ?? {}
    return [
      {
        // With the job in it, another job’s series are another target: they are compared with nothing that this one counted.
        uid: `${labels['pod'] ?? labels['instance'] ?? counter.metric}/${hashOf([proxy, job]).slice(0, 16)}`,
        series: series.map(one => ({ ...one, labels: ownLabels(counter, one.labels), replica: replicaText(one.labels) }))
      }
    ]
  })
}

/** The proxy’s pod, else its address. */
export function nameOfProxy(uid: string): string {
  return uid.slice(0, uid.lastIndexOf('/'))
}

function proxyOf(labels: Labels): string {
  const pod = labels['pod'] ?? ''
  return JSON.stringify([labels['cluster'] ?? '', pod === '' ? (labels['instance'] ?? '') : `${labels['namespace'] ?? ''}/${pod}`])
}

function jobOf(labels: Labels): string {
  return JSON.stringify([labels['job'], labels['instance'], labels['endpoint'], labels['container']].map(value => value ?? ''))
}

function replicaText(labels: Labels): string {
  return JSON.stringify(Object.entries(labels).filter(([name]) => REPLICA_LABELS.has(name)))
}

function ownLabels({ metric }: ProxyCounter, labels: Labels): Labels {
  const own: Record<string, string> = { __name__: metric }
  for (const [name, value] of Object.entries(labels)) {
    if (name === '__name__' || OF_TARGET.has(name) || REPLICA_LABELS.has(name)) continue
    own[RENAMED.has(name) ? `exported_${name}` : name] = value
  }
  return own
}
