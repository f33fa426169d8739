import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Tables } from '../tables.ts'

/** Keeps what the looks at each target saw of its rollout, so that the second look knows of the first after a restart, too. */
export const looks = (): Migration => ({
  async up(db: Kysely<Tables>) {
    await db.schema
      .createTable('looks')
      .addColumn('target_key', 'text', c => c.primaryKey())
      .addColumn('at', 'bigint', c => c.notNull())
      .addColumn('looks_json', 'text', c => c.notNull())
      .execute()
  }
})
