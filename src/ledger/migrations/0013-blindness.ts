import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Tables } from '../tables.ts'

/** Keeps when the Watchdog was heard, and in which ways Astern is blind, so that a restart neither forgets nor tells it twice. */
export const blindness = (): Migration => ({
  async up(db: Kysely<Tables>) {
    await db.schema
      .createTable('heard')
      .addColumn('name', 'text', c => c.primaryKey())
      .addColumn('at', 'bigint', c => c.notNull())
      .execute()
    await db.schema
      .createTable('blindness')
      .addColumn('kind', 'text', c => c.primaryKey())
      // Of its affair.
      .addColumn('id', 'text', c => c.notNull())
      .addColumn('since', 'bigint', c => c.notNull())
      .addColumn('detail', 'text', c => c.notNull())
      // Who was told.
      .addColumn('channels_json', 'text', c => c.notNull())
      .execute()
  }
})
