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

/** Asks every source something cheap, so that one that is away is known before an alert needs it, and so is its clock. */
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
