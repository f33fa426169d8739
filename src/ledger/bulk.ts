import type { Transaction } from 'kysely'
import type { Tables } from './tables.ts'

/**
 * What the admission of a storm does by the thousand in one transaction. Each database has its own quick way; everything
 * else is the query builder's.
 */
export interface BulkRows {
  insert<T extends 'incidents' | 'audit' | 'runs'>(transaction: Transaction<Tables>, table: T, rows: readonly Tables[T][]): Promise<void>
  admitted(
    transaction: Transaction<Tables>,
    incidents: readonly { readonly id: string; readonly at: number; readonly targetKey: string | null; readonly targetUid: string | null }[]
  ): Promise<void>
}
