import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Tables } from '../tables.ts'

/** Keeps since when a symptom is there, as it was measured: of each run, and of each incident whose symptom was verified. */
export const symptoms = (): Migration => ({
  async up(db: Kysely<Tables>) {
    await db.schema.alterTable('runs').addColumn('symptom_json', 'text').execute()
    await db.schema.alterTable('incidents').addColumn('verified_at', 'bigint').execute()
    await db.schema.alterTable('incidents').addColumn('symptom_since', 'bigint').execute()
    await db.schema.createIndex('incidents_verified').on('incidents').columns(['target_key', 'verified_at']).execute()
  }
})
