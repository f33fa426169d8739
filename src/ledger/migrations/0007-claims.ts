import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Tables } from '../tables.ts'

/** Keeps what decides whether an alert begins a new episode, and the ceiling under which a run began. */
export const claims = (): Migration => ({
  async up(db: Kysely<Tables>) {
    await db.schema.alterTable('incidents').addColumn('later_start', 'bigint').execute()
    await db.schema.alterTable('incidents').addColumn('later_start_look', 'bigint').execute()
    await sql`create index incidents_later_start on incidents (later_start_look) where later_start is not null and state = 'open'`.execute(
      db
    )
    // Runs of an earlier version began under a ceiling that nobody kept: the lowest at which a run can write.
    await db.schema
      .alterTable('runs')
      .addColumn('ceiling', 'text', c => c.notNull().defaultTo('auto'))
      .execute()
  }
})
