import type { Run } from '../domain/run.ts'
import { incidentOf } from '../domain/trigger.ts'

/** Which run, and which incident if an alert began it, an audit entry or a message is about. */
export function runIds({ id, trigger }: Pick<Run, 'id' | 'trigger'>): { readonly runId: string; readonly incidentId?: string } {
  const incident = incidentOf(trigger)
  return { runId: id, ...(incident === undefined ? {} : { incidentId: incident.id }) }
}
