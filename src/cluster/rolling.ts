import type { JsonObject } from '../base/json.ts'
import type { Rolling } from '../domain/workload.ts'

/** Reads the limits of a rolling update as Kubernetes resolves them: shares of the pods wanted, surge rounded up, the rest down. */
export function rollingOf(update: JsonObject, replicas: number): { readonly rolling?: Rolling } {
  const maxSurge = podsOf(update['maxSurge'], replicas, Math.ceil)
  const maxUnavailable = podsOf(update['maxUnavailable'], replicas, Math.floor)
  if (maxSurge === undefined || maxUnavailable === undefined) return {}
  // With neither, nothing could move, so Kubernetes lets one pod be missing.
  return { rolling: { maxSurge, maxUnavailable: maxSurge === 0 && maxUnavailable === 0 ? 1 : maxUnavailable } }
}

/** A number of pods, or a share such as `25%`; undefined for anything else. */
function podsOf(value: unknown, replicas: number, round: (pods: number) => number): number | undefined {
  if (typeof value === 'number') return value
  const found = typeof value === 'string' ? /^(\d+)%$/.exec(value) : null
  return found === null ? undefined : round((Number(found[1]) * replicas) / 100)
}
