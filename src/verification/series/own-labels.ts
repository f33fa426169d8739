import type { Labels } from '../sequential/counting/scrape.ts'
import { sourceOf, TARGET_LABELS } from '../sequential/counting/source.ts'
import { canonicalBoundary } from './bucket-spellings.ts'
import type { RawSeries } from './raw-series.ts'

/** One per target and scrape: 1 where the scrape succeeded. It has the target's labels, and no others. */
export const UP = 'up'

/**
 * Names labels as the judge expects them. Some labels have two uses: `endpoint`, `service`, `host` may be the target's, and then they
 * tell two scrapes of one pod apart, or the application's own, and then they tell requests apart. The series `up` has the target's
 * only. What the application added is renamed as Prometheus itself does it where both meet: `exported_…`.
 */
export function ownLabelsNamed(all: readonly RawSeries[]): readonly RawSeries[] {
  const targets = Map.groupBy(
    all.filter(({ labels }) => labels['__name__'] === UP).map(({ labels }) => labels),
    targetKey
  )
  return all.map(series => {
    if (series.labels['__name__'] === UP) return series
    const ofTarget = targets.get(targetKey(series.labels))?.[0]
    return { ...series, labels: renamed(series.labels, ofTarget) }
  })
}

/** Labels that tell one target from another. Several pods behind one address have different names. */
const NAMING = ['job', 'instance', 'namespace', 'pod', 'kubernetes_pod_name', 'pod_name', 'cluster'] as const

function targetKey(labels: Labels): string {
  return JSON.stringify(NAMING.map(name => labels[name] ?? ''))
}

function renamed(labels: Labels, ofTarget: Labels | undefined): Labels {
  const named: Record<string, string> = {}
  for (const [name, value] of Object.entries(labels)) {
    if (name === 'le') named[name] = canonicalBoundary(value) ?? value
    else if (isOwn(name, value, ofTarget)) named[name === 'endpoint' && value.startsWith('/') ? 'path' : `exported_${name}`] = value
    else named[name] = value
  }
  return named
}

function isOwn(name: string, value: string, ofTarget: Labels | undefined): boolean {
  if (!TARGET_LABELS.has(name) || NAMING.some(naming => naming === name)) return false
  // The name of a port does not begin with a slash.
  if (ofTarget === undefined) return name === 'endpoint' && value.startsWith('/')
  return ofTarget[name] !== value
}

/** The clusters that series name: pods of two clusters may have the same names and addresses. */
export function clustersOf(all: readonly RawSeries[]): readonly string[] {
  return [...new Set(all.flatMap(({ labels }) => labels['cluster'] ?? []))].sort()
}

/** The target of a series, as a text that is the same for the same target in every pod. */
export function targetOf(labels: Labels): string {
  return sourceOf(labels)
}
