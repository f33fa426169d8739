import type { Run } from '../domain/run.ts'
import { incidentOf } from '../domain/trigger.ts'

/** The ids by which an audit entry or a message names its run, and the incident where an alert began the run. */
export function runIds({ id, trigger }: Pick<Run, 'id' | 'trigger'>): { readonly runId: string; readonly incidentId?: string } {
  const incident = incidentOf(trigger)
  return { runId: id, ...(incident === undefined ? {} : { incidentId: incident.id }) }
}
