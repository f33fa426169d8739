import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Tables } from '../tables.ts'

/** A run that no alert began keeps its own trigger, instead of an incident that nobody sent. */
export const triggers = (): Migration => ({
  async up(db: Kysely<Tables>) {
    // Dry runs of before had only such an incident: what they were asked about cannot be told from it for sure.
    await db.deleteFrom('runs').where('incident_id', 'is', null).execute()
    await db.schema.alterTable('runs').dropColumn('incident_json').execute()
    await db.schema.alterTable('incidents').dropColumn('request_json').execute()
    await db.schema.alterTable('runs').addColumn('trigger_json', 'text').execute()
    await db.schema.alterTable('runs').addColumn('asked_key', 'text').execute()
    await sql`create unique index runs_asked_once on runs (asked_key) where asked_key is not null and state <> 'ended'`.execute(db)
  }
})
