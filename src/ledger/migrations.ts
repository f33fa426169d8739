import { type Kysely, sql } from 'kysely'
import { type Migration, Migrator } from 'kysely/migration'
import type { Tables } from './tables.ts'

/** Numbered, in order, each in one transaction with its own row: an interrupt leaves none half done. Never edited after a release. */
const MIGRATIONS: Record<string, Migration> = {
  '0001-first': {
    async up(db: Kysely<unknown>) {
      const create = db.schema
      await create
        .createTable('deliveries')
        .addColumn('id', 'text', c => c.primaryKey())
        .addColumn('received_at', 'bigint', c => c.notNull())
        .addColumn('source', 'text', c => c.notNull())
        .addColumn('raw', 'text', c => c.notNull())
        .execute()
      await create.createIndex('deliveries_by_time').on('deliveries').column('received_at').execute()
      await create
        .createTable('incidents')
        .addColumn('id', 'text', c => c.primaryKey())
        .addColumn('source', 'text', c => c.notNull())
        .addColumn('identity', 'text', c => c.notNull())
        .addColumn('labels_json', 'text', c => c.notNull())
        .addColumn('annotations_json', 'text', c => c.notNull())
        .addColumn('starts_at', 'bigint', c => c.notNull())
        .addColumn('episode_starts_at', 'bigint', c => c.notNull())
        .addColumn('opened_at', 'bigint', c => c.notNull())
        .addColumn('last_seen_at', 'bigint', c => c.notNull())
        .addColumn('resolved_at', 'bigint')
        .addColumn('state', 'text', c => c.notNull())
        .addColumn('generator_url', 'text', c => c.notNull())
        .addColumn('external_url', 'text', c => c.notNull())
        .addColumn('told_at', 'bigint')
        .addColumn('reopened', 'integer', c => c.notNull())
        .addColumn('admitted_at', 'bigint')
        .addColumn('target_key', 'text')
        .addColumn('target_uid', 'text')
        .execute()
      // At most one open episode of one alert on one source, whatever the number of replicas that receive it.
      await sql`create unique index incidents_open on incidents (source, identity) where state = 'open'`.execute(db)
      // Apart from the open ones: identities are scattered, and a new incident should touch one page of them, not two.
      await sql`create index incidents_closed on incidents (source, identity, opened_at) where state <> 'open'`.execute(db)
      await sql`create index incidents_unadmitted on incidents (opened_at) where admitted_at is null`.execute(db)
      await sql`create index incidents_by_target on incidents (target_key, opened_at) where target_key is not null`.execute(db)
      await create.createIndex('incidents_by_time').on('incidents').column('opened_at').execute()
      await create
        .createTable('runs')
        .addColumn('id', 'text', c => c.primaryKey())
        .addColumn('kind', 'text', c => c.notNull())
        // One run per incident (rules 1); those that were asked for have none.
        .addColumn('incident_id', 'text', c => c.unique())
        .addColumn('trigger_json', 'text')
        .addColumn('asked_key', 'text')
        .addColumn('policy', 'text', c => c.notNull())
        .addColumn('policy_json', 'text', c => c.notNull())
        .addColumn('target_key', 'text')
        .addColumn('state', 'text', c => c.notNull())
        .addColumn('step', 'integer', c => c.notNull())
        .addColumn('created_at', 'bigint', c => c.notNull())
        .addColumn('next_at', 'bigint', c => c.notNull())
        .addColumn('ended_at', 'bigint')
        .addColumn('outcome', 'text')
        .addColumn('reason', 'text')
        .addColumn('detail', 'text')
        .addColumn('wrote', 'integer', c => c.notNull())
        .addColumn('progress_json', 'text')
        .addColumn('owner', 'text')
        .addColumn('fence', 'integer', c => c.notNull().defaultTo(0))
        .addColumn('claim_expires_at', 'bigint')
        .execute()
      await sql`create unique index runs_asked_once on runs (asked_key) where asked_key is not null and state <> 'ended'`.execute(db)
      await sql`create index runs_due on runs (next_at) where state <> 'ended'`.execute(db)
      await create.createIndex('runs_by_target').on('runs').columns(['target_key', 'ended_at']).execute()
      await create
        .createTable('intents')
        .addColumn('id', 'text', c => c.primaryKey())
        .addColumn('run_id', 'text', c => c.notNull())
        .addColumn('step', 'integer', c => c.notNull())
        .addColumn('policy', 'text', c => c.notNull())
        .addColumn('target_key', 'text', c => c.notNull())
        .addColumn('namespace', 'text', c => c.notNull())
        .addColumn('plan_json', 'text', c => c.notNull())
        .addColumn('state', 'text', c => c.notNull())
        .addColumn('sends', 'integer', c => c.notNull())
        // The template identity that the write left, where its plan could not tell.
        .addColumn('left_identity', 'text')
        .addColumn('created_at', 'bigint', c => c.notNull())
        .execute()
      // At most one effective write per (incident, step): an intent that was withdrawn unsent, or refused, makes room for the next.
      await sql`create unique index intents_once on intents (run_id, step) where state not in ('withdrawn', 'refused')`.execute(db)
      await create.createIndex('intents_by_time').on('intents').column('created_at').execute()
      await create
        .createTable('locks')
        .addColumn('target_key', 'text', c => c.primaryKey())
        .addColumn('run_id', 'text', c => c.notNull())
        .addColumn('since', 'bigint', c => c.notNull())
        .execute()
      await create
        .createTable('loans')
        // The intent that borrowed.
        .addColumn('id', 'text', c => c.primaryKey())
        .addColumn('run_id', 'text', c => c.notNull())
        .addColumn('plan_json', 'text', c => c.notNull())
        .addColumn('kind', 'text', c => c.notNull())
        .addColumn('state', 'text', c => c.notNull())
        .addColumn('next_at', 'bigint', c => c.notNull())
        .addColumn('after_ms', 'bigint', c => c.notNull())
        .addColumn('told', 'integer', c => c.notNull())
        .execute()
      await sql`create index loans_due on loans (next_at) where state = 'held'`.execute(db)
      await create
        .createTable('deploy_markers')
        .addColumn('id', 'text', c => c.primaryKey())
        .addColumn('of_key', 'text', c => c.notNull())
        .addColumn('at', 'bigint', c => c.notNull())
        .addColumn('marker_json', 'text', c => c.notNull())
        .execute()
      await create.createIndex('deploy_markers_by_object').on('deploy_markers').columns(['of_key', 'at']).execute()
      await create
        .createTable('bad_templates')
        .addColumn('target_key', 'text', c => c.notNull())
        .addColumn('identity', 'text', c => c.notNull())
        .addColumn('at', 'bigint', c => c.notNull())
        .addColumn('run_id', 'text', c => c.notNull())
        .addPrimaryKeyConstraint('bad_templates_key', ['target_key', 'identity'])
        .execute()
      await create
        .createTable('observed_templates')
        .addColumn('seq', 'integer', c => c.primaryKey().autoIncrement())
        .addColumn('uid', 'text', c => c.notNull())
        .addColumn('target_key', 'text', c => c.notNull())
        .addColumn('identity', 'text', c => c.notNull())
        .addColumn('at', 'bigint', c => c.notNull())
        .addColumn('seen', 'integer', c => c.notNull())
        .execute()
      await create.createIndex('observed_by_uid').on('observed_templates').columns(['uid', 'seq']).execute()
      await create.createIndex('observed_by_target').on('observed_templates').columns(['target_key', 'seq']).execute()
      await create
        .createTable('storms')
        .addColumn('id', 'text', c => c.primaryKey())
        .addColumn('started_at', 'bigint', c => c.notNull())
        .addColumn('last_at', 'bigint', c => c.notNull())
        .addColumn('calm_at', 'bigint', c => c.notNull())
        .addColumn('targets_json', 'text', c => c.notNull())
        .execute()
      await create
        .createTable('switch')
        .addColumn('id', 'integer', c => c.primaryKey())
        .addColumn('mode', 'text', c => c.notNull())
        .addColumn('reason', 'text', c => c.notNull())
        .addColumn('by', 'text', c => c.notNull())
        .addColumn('at', 'bigint', c => c.notNull())
        .execute()
      await sql`insert into switch (id, mode, reason, ${sql.ref('by')}, at) values (1, 'auto', 'never thrown', 'astern', 0)`.execute(db)
      await create
        .createTable('outbox')
        .addColumn('key', 'text', c => c.primaryKey())
        .addColumn('channel', 'text', c => c.notNull())
        .addColumn('message_json', 'text', c => c.notNull())
        .addColumn('revision', 'integer', c => c.notNull())
        .addColumn('attempts', 'integer', c => c.notNull())
        .addColumn('next_at', 'bigint', c => c.notNull())
        .addColumn('delivered_at', 'bigint')
        .addColumn('refused', 'integer', c => c.notNull())
        .addColumn('last_error', 'text')
        .addColumn('created_at', 'bigint', c => c.notNull())
        .execute()
      await sql`create index outbox_due on outbox (next_at) where delivered_at is null and refused = 0`.execute(db)
      await create
        .createTable('audit')
        // Not bigint: in SQLite an integer key is the table's own order, and needs no index beside it.
        .addColumn('seq', 'integer', c => c.primaryKey())
        .addColumn('at', 'bigint', c => c.notNull())
        .addColumn('kind', 'text', c => c.notNull())
        .addColumn('run_id', 'text')
        .addColumn('incident_id', 'text')
        .addColumn('text', 'text', c => c.notNull())
        .addColumn('previous', 'text', c => c.notNull())
        .addColumn('hash', 'text', c => c.notNull())
        .execute()
      await sql`create index audit_by_run on audit (run_id, seq) where run_id is not null`.execute(db)
      await sql`create index audit_by_incident on audit (incident_id, seq) where incident_id is not null`.execute(db)
      await create
        .createTable('audit_head')
        .addColumn('id', 'integer', c => c.primaryKey())
        .addColumn('seq', 'bigint', c => c.notNull())
        .addColumn('hash', 'text', c => c.notNull())
        // Where the chain begins, once rows beyond their time were deleted.
        .addColumn('base_seq', 'bigint', c => c.notNull())
        .addColumn('base_hash', 'text', c => c.notNull())
        .execute()
      await sql`insert into audit_head (id, seq, hash, base_seq, base_hash) values (1, 0, ${'0'.repeat(64)}, 0, ${'0'.repeat(64)})`.execute(
        db
      )
      // Append-only: an honest mistake in our own code cannot rewrite history either.
      await sql`create trigger audit_no_update before update on audit begin select raise(abort, 'the audit log is append-only'); end`.execute(
        db
      )
      await sql`create trigger audit_no_delete before delete on audit when old.seq > (select base_seq from audit_head where id = 1) begin select raise(abort, 'the audit log is append-only'); end`.execute(
        db
      )
    }
  }
}

/** @throws Error with the failed migration's name; the database is then as it was before. */
export async function migrate(db: Kysely<Tables>): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => MIGRATIONS } })
  const { error, results } = await migrator.migrateToLatest()
  if (error !== undefined) {
    const failed = results?.find(result => result.status === 'Error')?.migrationName ?? 'unknown'
    throw new Error(`the ledger cannot be brought to this version: migration ${failed} failed`, { cause: error })
  }
}
