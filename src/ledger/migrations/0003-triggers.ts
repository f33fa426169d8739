import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import { isObject, textAt } from '../../base/json.ts'
import type { Tables } from '../tables.ts'

/** Lets a run that no alert began keep its own trigger, in place of a made-up incident. Gives messages a subject and an event. */
export const triggers = (): Migration => ({
  async up(db: Kysely<Tables>) {
    // Earlier dry runs had only a made-up incident, which does not show for sure what they were asked about.
    await db.deleteFrom('runs').where('incident_id', 'is', null).execute()
    await db.schema.alterTable('runs').dropColumn('incident_json').execute()
    await db.schema.alterTable('incidents').dropColumn('request_json').execute()
    await db.schema.alterTable('runs').addColumn('trigger_json', 'text').execute()
    await db.schema.alterTable('runs').addColumn('asked_key', 'text').execute()
    await sql`create unique index runs_asked_once on runs (asked_key) where asked_key is not null and state <> 'ended'`.execute(db)
    // These messages still have to reach people.
    const waiting = await db.selectFrom('outbox').select(['key', 'message_json']).where('delivered_at', 'is', null).execute()
    for (const { key, message_json } of waiting)
      await db
        .updateTable('outbox')
        .set({ message_json: withSubject(JSON.parse(message_json), key) })
        .where('key', '=', key)
        .execute()
  }
})

function withSubject(message: unknown, key: string): string {
  if (!isObject(message) || 'subject' in message) return JSON.stringify(message)
  const { kind, ...rest } = message
  const subject = kind === 'storm' ? { kind, id: key.split('/')[1] } : { kind: 'run', id: textAt(message, 'runId') ?? key }
  return JSON.stringify({ ...rest, subject, event: kind === 'notice' ? 'over' : 'needs-people' })
}
