import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Tables } from '../tables.ts'

/** Adds what several writers need: rows that stand for the decisions that count rows, and leases of messages. */
export const severalWriters = (): Migration => ({
  async up(db: Kysely<Tables>) {
    await db.schema
      .createTable('turns')
      .addColumn('name', 'text', c => c.primaryKey())
      .execute()
    await db
      .insertInto('turns')
      .values([{ name: 'budget' }, { name: 'storm' }])
      .execute()
    await db.schema.alterTable('outbox').addColumn('claimed_until', 'bigint').execute()
  }
})
