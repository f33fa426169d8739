import type { AuditEntry } from '../../domain/audit.ts'
import type { Pass } from '../pass.ts'
import { runIds } from '../run-ids.ts'

/** When an audit entry is made, and about which run and incident. */
export function about({ ports, run }: Pick<Pass, 'ports' | 'run'>): Pick<AuditEntry, 'at' | 'runId' | 'incidentId'> {
  return { at: ports.clock.now(), ...runIds(run) }
}
