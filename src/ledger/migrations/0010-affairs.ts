import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import { isObject, textAt } from '../../base/json.ts'
import type { Tables } from '../tables.ts'

/** Keeps what each channel was told of an affair, in order, and what the channel remembers of it. */
export const affairs = (): Migration => ({
  async up(db: Kysely<Tables>) {
    const change = db.schema
    await change
      .createTable('affairs')
      .addColumn('affair', 'text', c => c.notNull())
      .addColumn('channel', 'text', c => c.notNull())
      .addColumn('state', 'text', c => c.notNull())
      // The place of the newest message.
      .addColumn('places', 'bigint', c => c.notNull())
      .addColumn('memory_json', 'text')
      // The newest message that handed the affair to people.
      .addColumn('handed_json', 'text')
      .addColumn('updated_at', 'bigint', c => c.notNull())
      .addPrimaryKeyConstraint('affairs_key', ['affair', 'channel'])
      .execute()
    await change
      .createTable('affair_incidents')
      .addColumn('incident_id', 'text', c => c.notNull())
      .addColumn('affair', 'text', c => c.notNull())
      .addPrimaryKeyConstraint('affair_incidents_key', ['incident_id', 'affair'])
      .execute()
    await change.createIndex('affair_incidents_by_affair').on('affair_incidents').column('affair').execute()
    await change
      .createTable('channel_pauses')
      .addColumn('channel', 'text', c => c.primaryKey())
      .addColumn('until', 'bigint', c => c.notNull())
      .execute()
    await change
      .alterTable('outbox')
      .addColumn('affair', 'text', c => c.notNull().defaultTo(''))
      .execute()
    await change
      .alterTable('outbox')
      .addColumn('place', 'bigint', c => c.notNull().defaultTo(0))
      .execute()
    await change
      .alterTable('outbox')
      .addColumn('fell_back', 'integer', c => c.notNull().defaultTo(0))
      .execute()
    await sql`create index outbox_in_order on outbox (affair, channel, place) where delivered_at is null and refused = 0`.execute(db)
    await sql`create index outbox_untold on outbox (channel, created_at) where delivered_at is null and fell_back = 0`.execute(db)
    await sql`create index affairs_by_state on affairs (state, affair)`.execute(db)
    await queuedBefore(db)
  }
})

/** A message that an earlier version put into the outbox, and that is not delivered, belongs to the affair of its subject. */
async function queuedBefore(db: Kysely<Tables>): Promise<void> {
  const rows = await db
    .selectFrom('outbox')
    .select(['key', 'message_json'])
    .where('delivered_at', 'is', null)
    .orderBy('created_at')
    .execute()
  for (const [index, { key, message_json }] of rows.entries()) {
    const message: unknown = JSON.parse(message_json)
    if (!isObject(message)) throw new Error(`message ${key} cannot be read`)
    const affair = `${textAt(message, 'subject', 'kind') ?? ''}/${textAt(message, 'subject', 'id') ?? ''}`
    await db
      .updateTable('outbox')
      .set({ affair, place: index + 1 })
      .where('key', '=', key)
      .execute()
    const row = { affair, channel: textAt(message, 'channel') ?? '', state: 'handed-over', places: index + 1, updated_at: 0 }
    await db
      .insertInto('affairs')
      .values({ ...row, memory_json: null, handed_json: message_json })
      .onConflict(conflict => conflict.columns(['affair', 'channel']).doUpdateSet({ places: index + 1 }))
      .execute()
  }
}
