import type { AuditEntry } from '../../domain/audit.ts'
import type { Pass } from '../pass.ts'

/** When, and about which run and incident, an audit entry is. */
export function about({ ports, run }: Pick<Pass, 'ports' | 'run'>): Pick<AuditEntry, 'at' | 'runId' | 'incidentId'> {
  return { at: ports.clock.now(), runId: run.id, incidentId: run.incident.id }
}
