import type { GuardedPod } from '../domain/guarded-pod.ts'
import type { PreparedWatch } from './prepared-watch.ts'

/** The paths that the pods’ specs name for probes: they are no traffic, whatever they are called. */
export function probePathsOf(pods: readonly GuardedPod[]): readonly string[] {
  const paths = pods.flatMap(({ probes }) => probes.flatMap(({ path }) => path?.replace(/\?.*$/, '') ?? []))
  // Somebody who probes the front page has real requests to it as well.
  return [...new Set(paths)].filter(path => path !== '/' && path !== '').sort()
}

/** Requests per second of a pod that are no traffic, where no label tells them apart: its probes, and the scrapes. */
export function probesPerSecond({ probes }: GuardedPod, watch: Pick<PreparedWatch, 'probes' | 'intervalSeconds'>): number | undefined {
  if (watch.probes === 'by-path') return undefined
  return probes.reduce((all, { periodSeconds }) => all + 1 / Math.max(1, periodSeconds), 1 / watch.intervalSeconds)
}
