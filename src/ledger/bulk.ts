import type { Transaction } from 'kysely'
import type { Tables } from './tables.ts'

/** What the intake must know of an incident to tell what an alert does to it. */
export type KnownIncident = Pick<
  Tables['incidents'],
  'id' | 'source' | 'identity' | 'state' | 'episode_starts_at' | 'resolved_at' | 'reopened' | 'last_seen_at'
>

/**
 * The few statements that a storm of alerts runs through, by the thousand in one transaction. Each database has its own
 * quick way to do them; everything else is the query builder's.
 */
export interface BulkRows {
  insert<T extends 'deliveries' | 'incidents' | 'audit' | 'runs'>(
    transaction: Transaction<Tables>,
    table: T,
    rows: readonly Tables[T][]
  ): Promise<void>
  /** The newest incident of each, where there is one. */
  newestIncidents(
    transaction: Transaction<Tables>,
    wanted: readonly { readonly source: string; readonly identity: string }[]
  ): Promise<readonly KnownIncident[]>
  seen(transaction: Transaction<Tables>, incidents: readonly { readonly id: string; readonly last_seen_at: number }[]): Promise<void>
  /** Waiting runs of these incidents are looked at again at once. */
  wake(transaction: Transaction<Tables>, incidentIds: Iterable<string>, now: number): Promise<void>
  admitted(
    transaction: Transaction<Tables>,
    incidents: readonly { readonly id: string; readonly at: number; readonly targetKey: string | null; readonly targetUid: string | null }[]
  ): Promise<void>
}
