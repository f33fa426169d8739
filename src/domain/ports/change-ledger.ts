import type { AuditEntry } from '../audit.ts'
import type { DeployMarker } from '../change.ts'
import type { ObjectRef } from '../objects.ts'
import type { ObservedTemplate } from '../workload.ts'
import type { Sighting } from './cluster.ts'

export interface NewDeployMarker extends DeployMarker {
  /** The key of the workload, or of the release, that was deployed. */
  readonly of: string
}

export interface ChangeLedger {
  /** Stores a marker. The same id twice is one marker. */
  recordMarker(marker: NewDeployMarker, audit: readonly AuditEntry[]): Promise<void>
  latestObserved(uid: string): Promise<ObservedTemplate | undefined>
  recordObserved(target: ObjectRef, template: ObservedTemplate): Promise<void>
  /** Stores those that differ from the newest one of their object, all in one transaction. */
  recordFound(found: readonly Sighting[]): Promise<void>
}
