import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Tables } from '../tables.ts'

/** Keeps who has taken over the affair of a run, and which callbacks were accepted, so that none is accepted twice. */
export const answers = (): Migration => ({
  async up(db: Kysely<Tables>) {
    await db.schema.alterTable('runs').addColumn('handed_json', 'text').execute()
    await sql`create index runs_handed_over on runs (target_key) where handed_json is not null`.execute(db)
    await db.schema
      .createTable('callbacks')
      .addColumn('id', 'text', c => c.primaryKey())
      .addColumn('at', 'bigint', c => c.notNull())
      .execute()
  }
})
