import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Tables } from '../tables.ts'

/** Keeps deploy guards, with all that they remember, and what passes taught of a target’s bursts. */
export const deployGuards = (): Migration => ({
  async up(db: Kysely<Tables>) {
    await db.schema
      .createTable('deploy_guards')
      .addColumn('id', 'text', c => c.primaryKey())
      .addColumn('version_key', 'text', c => c.notNull())
      .addColumn('target_key', 'text', c => c.notNull())
      .addColumn('state', 'text', c => c.notNull())
      .addColumn('next_at', 'bigint', c => c.notNull())
      .addColumn('ended_at', 'bigint')
      .addColumn('result', 'text')
      .addColumn('identity', 'text')
      .addColumn('run_id', 'text')
      .addColumn('guard_json', 'text', c => c.notNull())
      .addColumn('memory_json', 'text')
      .addColumn('owner', 'text')
      .addColumn('fence', 'integer', c => c.notNull())
      .addColumn('claim_expires_at', 'bigint')
      .execute()
    await db.schema.createIndex('deploy_guards_key').on('deploy_guards').columns(['version_key', 'id']).execute()
    await db.schema.createIndex('deploy_guards_due').on('deploy_guards').columns(['state', 'next_at']).execute()
    await db.schema.createIndex('deploy_guards_target').on('deploy_guards').columns(['target_key', 'result']).execute()
    await db.schema
      .createTable('guard_learned')
      .addColumn('target_key', 'text', c => c.primaryKey())
      .addColumn('at', 'bigint', c => c.notNull())
      .addColumn('learned_json', 'text', c => c.notNull())
      .execute()
    await db.insertInto('turns').values({ name: 'guards' }).execute()
  }
})
