import type { Kysely } from 'kysely'
import { MINUTE } from '../base/clock.ts'
import { withoutHandOver } from '../domain/hand-over.ts'
import { affairOf, type Fallback, type Message } from '../domain/message.ts'
import type { OutboxLedger } from '../domain/ports/ledger.ts'
import { setStanding, type Turned, takeBack, turnedBy } from './affairs.ts'
import type { Database, LedgerTransaction } from './database.ts'
import { forgetHandOver } from './forget-hand-over.ts'
import { enqueue } from './outbox.ts'
import { stored } from './rows.ts'
import { stormAt } from './storm.ts'
import type { Tables } from './tables.ts'

/**
 * People hear that an alert is over this long after it went away, milliseconds. One that comes back within that time was never over, so
 * that an alert that flaps resolves no page and makes no new one.
 */
export const OVER_AFTER_MS = 5 * MINUTE
/** How many messages one look gives to another channel. The next look takes the rest. */
const AT_ONCE = 50

/** What happens to messages by the time alone. */
export function createMessageTending({ db, transaction }: Database): Pick<OutboxLedger, 'tendMessages'> {
  return {
    async tendMessages(fallbacks, now) {
      // Mostly there is nothing to do, and then this must cost no transaction.
      if (!(await mayFallBack(db, fallbacks)) && !(await stormIsTold(db))) return
      await transaction(async tx => {
        await fallBack(tx, fallbacks, now)
        await endStorms(tx, now)
      })
    }
  }
}

async function mayFallBack(db: Kysely<Tables>, fallbacks: ReadonlyMap<string, Fallback>): Promise<boolean> {
  if (fallbacks.size === 0) return false
  const untold = db
    .selectFrom('outbox')
    .select('key')
    .where('channel', 'in', [...fallbacks.keys()])
    .where('delivered_at', 'is', null)
    .where('fell_back', '=', 0)
  return (await untold.limit(1).execute()).length > 0
}

async function stormIsTold(db: Kysely<Tables>): Promise<boolean> {
  const told = db.selectFrom('affairs').select('affair').where('state', '=', 'handed-over').where('affair', 'like', 'storm/%')
  return (await told.limit(1).execute()).length > 0
}

/** Tells the channels that were handed these incidents that their alerts are over, or back. */
export async function followIncidents(tx: LedgerTransaction, incidentIds: readonly string[], now: number): Promise<void> {
  for (const turned of await turnedBy(tx, incidentIds))
    await (turned.how === 'resolved' ? resolved(tx, turned, now) : back(tx, turned, incidentIds, now))
}

async function resolved(tx: LedgerTransaction, turned: Turned, now: number): Promise<void> {
  await enqueue(
    tx,
    ending(turned, { outcome: 'resolved', text: 'The alert went away. Nobody needs to look any more.' }, now),
    now,
    now + OVER_AFTER_MS
  )
  await setStanding(tx, turned, { state: 'resolved' }, now)
}

async function back(
  tx: LedgerTransaction,
  { affair, channel, handed }: Turned,
  incidentIds: readonly string[],
  now: number
): Promise<void> {
  if (await takeBack(tx, { affair, channel }, now)) return
  await forgetHandOver(tx, incidentIds)
  await enqueue(
    tx,
    {
      ...withoutHandOver(handed),
      key: `${affair}/back/${now}/${channel}`,
      text: `The alert is back. Astern writes nothing more for it.\n${handed.text}`
    },
    now
  )
}

/** Ends the affair of each storm that is calm. */
async function endStorms(tx: LedgerTransaction, now: number): Promise<void> {
  const active = await stormAt(tx.query, now)
  const rows = await tx.query
    .selectFrom('affairs')
    .select(['affair', 'channel', 'handed_json'])
    .where('state', '=', 'handed-over')
    .where('affair', 'like', 'storm/%')
    .where('affair', '<>', affairOf({ kind: 'storm', id: active?.id ?? '' }))
    .execute()
  for (const { affair, channel, handed_json } of rows) {
    if (handed_json === null) continue
    const turned: Turned = { affair, channel, how: 'resolved', handed: stored<Message>(handed_json) }
    await enqueue(
      tx,
      ending(turned, { outcome: 'calm', text: 'No new target for a while: the storm is over, and Astern acts again.' }, now),
      now
    )
  }
}

interface Ended {
  readonly outcome: string
  readonly text: string
}

function ending({ affair, channel, handed }: Turned, { outcome, text }: Ended, now: number): Message {
  const { reason: _why, evidence: _shown, ...details } = handed.details
  return {
    ...handed,
    key: `${affair}/gone-away/${now}/${channel}`,
    event: 'over',
    text,
    severity: 'info',
    details: { ...details, outcome }
  }
}

/**
 * Gives each call for people to another channel too, where its own has not taken it for so long, or has refused it.
 * @param fallbacks by channel
 */
async function fallBack(tx: LedgerTransaction, fallbacks: ReadonlyMap<string, Fallback>, now: number): Promise<void> {
  for (const [channel, { to, after }] of fallbacks) {
    const untold = tx.query
      .selectFrom('outbox')
      .select(['key', 'message_json', 'last_error'])
      .where('channel', '=', channel)
      .where('delivered_at', 'is', null)
      .where('fell_back', '=', 0)
      .where(eb => eb.or([eb('refused', '=', 1), eb('created_at', '<=', now - after)]))
      .orderBy('created_at')
      .limit(AT_ONCE)
    for (const { key, message_json, last_error } of await tx.locked(untold).execute()) {
      await tx.query.updateTable('outbox').set({ fell_back: 1 }).where('key', '=', key).execute()
      const message = stored<Message>(message_json)
      if (message.event !== 'needs-people' && message.event !== 'approval') continue
      const why = last_error === null ? '' : `: ${last_error}`
      await enqueue(
        tx,
        {
          ...message,
          key: `${key}/instead/${to}`,
          channel: to,
          text: `${message.text}\nThis comes here because channel ${channel} does not take it${why}`,
          details: { ...message.details, insteadOf: channel }
        },
        now
      )
    }
  }
}
