import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/** Each label set stands once; raw deliveries are kept in parts, compressed, and within a quota. */
export const bounded = (): Migration => ({
  async up(db: Kysely<unknown>) {
    const change = db.schema
    await change
      .createTable('label_sets')
      .addColumn('source', 'text', c => c.notNull())
      .addColumn('identity', 'text', c => c.notNull())
      .addColumn('labels_json', 'text', c => c.notNull())
      .addPrimaryKeyConstraint('label_sets_key', ['source', 'identity'])
      .execute()
    await sql`insert into label_sets (source, identity, labels_json)
      select source, identity, min(labels_json) from incidents group by source, identity`.execute(db)
    await change.alterTable('incidents').dropColumn('labels_json').execute()

    await change.dropIndex('deliveries_by_time').execute()
    await change.alterTable('deliveries').renameTo('deliveries_before').execute()
    await change
      .createTable('deliveries')
      .addColumn('id', 'text', c => c.notNull())
      .addColumn('part', 'integer', c => c.notNull())
      .addColumn('received_at', 'bigint', c => c.notNull())
      .addColumn('source', 'text', c => c.notNull())
      // `plain`, `gzip`, or `dropped` where the quota of the source was used up.
      .addColumn('encoding', 'text', c => c.notNull())
      // How many bytes were received.
      .addColumn('bytes', 'bigint', c => c.notNull())
      .addColumn('body', 'blob', c => c.notNull())
      .addPrimaryKeyConstraint('deliveries_key', ['id', 'part'])
      .execute()
    await sql`insert into deliveries (id, part, received_at, source, encoding, bytes, body)
      select id, 0, received_at, source, 'plain', length(cast(raw as blob)), cast(raw as blob) from deliveries_before`.execute(db)
    await change.dropTable('deliveries_before').execute()
    await change.createIndex('deliveries_by_time').on('deliveries').column('received_at').execute()
    await change
      .createTable('raw_kept')
      .addColumn('source', 'text', c => c.notNull())
      // Days since 1970, UTC.
      .addColumn('day', 'integer', c => c.notNull())
      .addColumn('bytes', 'bigint', c => c.notNull())
      .addPrimaryKeyConstraint('raw_kept_key', ['source', 'day'])
      .execute()
  }
})
