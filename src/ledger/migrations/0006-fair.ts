import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import { isObject, numberAt } from '../../base/json.ts'
import type { Tables } from '../tables.ts'

/** Adds what keeps one source or one target from holding up all others: turns, and runs that are parked behind another. */
export const fair = (): Migration => ({
  async up(db: Kysely<Tables>) {
    await db.schema
      .createTable('queues')
      .addColumn('name', 'text', c => c.notNull())
      .addColumn('source', 'text', c => c.notNull())
      .addColumn('turn', 'bigint', c => c.notNull())
      .addColumn('served', 'bigint', c => c.notNull())
      .addColumn('free_at', 'bigint', c => c.notNull())
      .addPrimaryKeyConstraint('queues_key', ['name', 'source'])
      .execute()
    await db
      .insertInto('turns')
      .values([{ name: 'admission' }, { name: 'claims' }, { name: 'groups' }, { name: 'parking' }])
      .execute()
    await db.schema
      .alterTable('runs')
      .addColumn('source', 'text', c => c.notNull().defaultTo(''))
      .execute()
    for (const column of ['escalates_at', 'ready', 'turn', 'confirmed'])
      await db.schema
        .alterTable('runs')
        .addColumn(column, 'bigint', c => c.notNull().defaultTo(0))
        .execute()
    await db.schema.alterTable('runs').addColumn('parked_by', 'text').execute()
    await db.schema.alterTable('runs').addColumn('held_since', 'bigint').execute()
    // A target counts for a storm once its symptom was measured. That it exists says nothing.
    await db.schema.alterTable('incidents').dropColumn('target_uid').execute()
    await db.schema.alterTable('incidents').addColumn('turn', 'bigint').execute()
    await db.schema.alterTable('outbox').addColumn('group_key', 'text').execute()
    await db.schema.alterTable('outbox').addColumn('grouped_json', 'text').execute()
    await knownOfRunsUnderWay(db)
    // A run that stands in line is in `runs_ready`, and every other one in `runs_due`: neither is searched for the other's runs.
    await db.schema.dropIndex('runs_due').execute()
    await sql`create index runs_due on runs (next_at) where state <> 'ended' and ready = 0`.execute(db)
    await sql`create index runs_ready on runs (source, turn, next_at, target_key, id) where ready = 1`.execute(db)
    await sql`create index runs_ready_lanes on runs (source, target_key, turn) where ready = 1`.execute(db)
    await sql`create index runs_not_over on runs (target_key, policy, state) where state <> 'ended'`.execute(db)
    await sql`create index runs_confirmed on runs (policy, target_key) where confirmed = 1`.execute(db)
    await sql`create index runs_parked on runs (parked_by) where parked_by is not null`.execute(db)
    await db.schema.dropIndex('incidents_unadmitted').execute()
    await sql`create index incidents_unadmitted on incidents (source, opened_at, id) where admitted_at is null and turn is null`.execute(db)
    await sql`create index incidents_in_line on incidents (source, turn, opened_at) where admitted_at is null and turn is not null`.execute(
      db
    )
    await sql`create index incidents_in_line_lanes on incidents (source, target_key, turn) where admitted_at is null and turn is not null`.execute(
      db
    )
    await sql`create index incidents_verified_by_time on incidents (opened_at, target_key) where verified_at is not null`.execute(db)
    await sql`create index runs_not_sampled on runs (created_at, target_key) where state = 'waiting' and reason is null and wrote = 0`.execute(
      db
    )
    await sql`create index outbox_groups on outbox (group_key, channel, created_at) where group_key is not null`.execute(db)
  }
})

/** Runs that an earlier version began and that are not over get their source and the end of their time. */
async function knownOfRunsUnderWay(db: Kysely<Tables>): Promise<void> {
  const runs = await db
    .selectFrom('runs')
    .leftJoin('incidents', 'incidents.id', 'runs.incident_id')
    .select(['runs.id', 'runs.policy_json', 'runs.created_at', 'incidents.source', 'incidents.opened_at'])
    .where('runs.state', '<>', 'ended')
    .execute()
  for (const run of runs) {
    const policy: unknown = JSON.parse(run.policy_json)
    const after = (isObject(policy) ? numberAt(policy, 'escalate', 'after') : undefined) ?? 0
    await db
      .updateTable('runs')
      .set({ source: run.source ?? '', escalates_at: (run.opened_at ?? run.created_at) + after })
      .where('id', '=', run.id)
      .execute()
  }
}
