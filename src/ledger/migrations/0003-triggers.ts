import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import { isObject, textAt } from '../../base/json.ts'
import type { Tables } from '../tables.ts'

/** A run that no alert began keeps its own trigger, instead of an incident that nobody sent; a message has a subject and an event. */
export const triggers = (): Migration => ({
  async up(db: Kysely<Tables>) {
    // Dry runs of before had only such an incident: what they were asked about cannot be told from it for sure.
    await db.deleteFrom('runs').where('incident_id', 'is', null).execute()
    await db.schema.alterTable('runs').dropColumn('incident_json').execute()
    await db.schema.alterTable('incidents').dropColumn('request_json').execute()
    await db.schema.alterTable('runs').addColumn('trigger_json', 'text').execute()
    await db.schema.alterTable('runs').addColumn('asked_key', 'text').execute()
    await sql`create unique index runs_asked_once on runs (asked_key) where asked_key is not null and state <> 'ended'`.execute(db)
    // People are still to be told these.
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
