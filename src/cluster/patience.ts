import { MINUTE, SECOND } from '../base/clock.ts'
import { type JsonObject, listAt, numberAt, objectAt } from '../base/json.ts'

/** A pod without a probe is ready at once. So long is waited all the same, because one look proves nothing. */
const AT_LEAST_MS = 30 * SECOND
/** A readiness gate is opened by some other controller, and nothing says how long that takes: as long as a Deployment's deadline. */
const GATE_MS = 10 * MINUTE

/** How long a pod may run until it is ready, by what its own probes say, milliseconds. */
export function patienceOf(spec: JsonObject): number {
  const gates = listAt(spec, 'readinessGates').length > 0 ? GATE_MS : 0
  // An init container with a restart policy runs beside the others, and has probes too.
  const probed = [...listAt(spec, 'initContainers'), ...listAt(spec, 'containers')]
  const slowest = Math.max(0, ...probed.map(container => probeMs(container, 'startupProbe') + probeMs(container, 'readinessProbe')))
  return Math.max(AT_LEAST_MS, gates, slowest)
}

/** Until a probe that fails each time has failed often enough, with the API server's defaults. */
function probeMs(container: unknown, name: 'startupProbe' | 'readinessProbe'): number {
  const probe = objectAt(container, name)
  if (Object.keys(probe).length === 0) return 0
  const of = (field: string, otherwise: number): number => numberAt(probe, field) ?? otherwise
  const times = Math.max(of('failureThreshold', 3), of('successThreshold', 1))
  return (of('initialDelaySeconds', 0) + times * of('periodSeconds', 10) + of('timeoutSeconds', 1)) * SECOND
}
