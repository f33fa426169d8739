import type { KubeClient } from '../cluster/kube-client.ts'
import type { ClockOffset } from '../outgoing/clock-offset.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { Sources } from './sources.ts'

export interface SourceProbeParts {
  readonly sources: () => Sources
  readonly kube: KubeClient
  readonly clusterOffset: ClockOffset
  readonly metrics: Pick<Metrics, 'sources'>
}

const DEADLINE_MS = 5_000

/** Asks every source a cheap question. So Astern knows that a source is away, and how its clock differs, before an alert needs it. */
export function createSourceProbe(parts: SourceProbeParts): () => Promise<void> {
  return async () => {
    const signal = AbortSignal.timeout(DEADLINE_MS)
    const [sources, version] = await Promise.all([parts.sources().status(signal), parts.kube.get('/version', signal)])
    parts.metrics.sources([
      { name: 'kubernetes', up: version.kind === 'ok', offsetMs: parts.clusterOffset.value() },
      ...Object.entries(sources).flatMap(([name, status]) =>
        status.configured ? [{ name, up: status.reachable, offsetMs: status.clockOffsetMs }] : []
      )
    ])
  }
}
