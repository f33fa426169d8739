import { type AffairState, affairOf, type Message, type MessageEvent } from '../domain/message.ts'
import type { LedgerTransaction } from './database.ts'
import { slices, stored } from './rows.ts'
import type { Tables } from './tables.ts'

// An affair is what messages of one subject are about. Each channel is told of it in order: each message has a place, and waits until
// the earlier ones were delivered or refused.

/** The place of a message that stands apart: no other comes after it and would wait for it. */
export const APART = 2_147_483_647

/**
 * Gives a message the next place in its affair, and notes how the affair now stands in the message's channel.
 * @returns undefined where the channel was never told of the affair, and the message is only for those that were
 */
export async function nextPlace(
  tx: LedgerTransaction,
  { onlyWhereTold, apart, ...message }: Message,
  now: number
): Promise<{ readonly affair: string; readonly place: number } | undefined> {
  const affair = affairOf(message.subject)
  const { channel } = message
  const before = await affairRow(tx, affair, channel)
  if (before === undefined && onlyWhereTold === true) return undefined
  const state = stateAfter(message.event) ?? (before === undefined ? 'begun' : before.state)
  const place = (before?.places ?? 0) + 1
  const calls = stateAfter(message.event) === 'handed-over'
  // A call for people waits for no good news: that the alert went away is held back for minutes, and would be first in order.
  if (calls && before?.state === 'resolved') await takeBack(tx, { affair, channel }, now)
  const handed_json = calls ? JSON.stringify(message) : (before?.handed_json ?? null)
  const changed = { state, places: place, handed_json, updated_at: now }
  await tx.query
    .insertInto('affairs')
    .values({ affair, channel, memory_json: null, ...changed })
    .onConflict(conflict => conflict.columns(['affair', 'channel']).doUpdateSet(changed))
    .execute()
  if (state === 'handed-over') await concerns(tx, affair, message.incidentId)
  return { affair, place: apart === true ? APART : place }
}

function affairRow(tx: LedgerTransaction, affair: string, channel: string): Promise<Tables['affairs'] | undefined> {
  return tx
    .locked(tx.query.selectFrom('affairs').selectAll().where('affair', '=', affair).where('channel', '=', channel))
    .executeTakeFirst()
}

/** How an affair stands after such a message; undefined where that leaves it as it was. */
function stateAfter(event: MessageEvent): AffairState | undefined {
  switch (event) {
    case 'needs-people':
    case 'approval':
      return 'handed-over'
    case 'over':
      return 'over'
    case 'acted':
    case 'update':
      return undefined
  }
}

/** Notes that people were handed an incident with this affair. The affair is over when all of its alerts are. */
export async function concerns(tx: LedgerTransaction, affair: string, incidentId: string | undefined): Promise<void> {
  if (incidentId === undefined) return
  await tx.query
    .insertInto('affair_incidents')
    .values({ incident_id: incidentId, affair })
    .onConflict(conflict => conflict.doNothing())
    .execute()
}

/**
 * Whether people still have the affair of this message open. One whose alerts went away a moment ago is open again with this: what would
 * have told them so is not sent.
 */
export async function isStillOpen(tx: LedgerTransaction, { subject, channel }: Message, now: number): Promise<boolean> {
  const affair = affairOf(subject)
  const row = await affairRow(tx, affair, channel)
  if (row === undefined) return true
  return row.state === 'resolved' ? takeBack(tx, { affair, channel }, now) : row.state !== 'over'
}

/** Takes back the message that an affair's alerts went away, where nobody has begun to send it. False where it is too late for that. */
export async function takeBack(tx: LedgerTransaction, place: Pick<Turned, 'affair' | 'channel'>, now: number): Promise<boolean> {
  const { numDeletedRows } = await tx.query
    .deleteFrom('outbox')
    .where('affair', '=', place.affair)
    .where('channel', '=', place.channel)
    .where('delivered_at', 'is', null)
    .where('claimed_until', 'is', null)
    .where('next_at', '>', now)
    .where('attempts', '=', 0)
    .where('key', 'like', '%/gone-away/%')
    .executeTakeFirst()
  if (numDeletedRows === 0n) return false
  await setStanding(tx, place, { state: 'handed-over' }, now)
  return true
}

/** An affair whose alerts went away, or are back, as one channel knows it. */
export interface Turned {
  readonly affair: string
  readonly channel: string
  readonly how: 'resolved' | 'back'
  /** The newest message that handed it over. */
  readonly handed: Message
}

/**
 * Finds the affairs of these incidents that people were handed and whose alerts are all over now, and those that were over and have an
 * alert again. A storm is over when it is calm, and a loan when it is given back or people took it back, whatever their alerts do.
 */
export async function turnedBy(tx: LedgerTransaction, incidentIds: readonly string[]): Promise<readonly Turned[]> {
  const turned = new Map<string, Turned>()
  for (const part of slices(incidentIds)) {
    const rows = await tx.query
      .selectFrom('affairs')
      .selectAll('affairs')
      .select(eb =>
        eb
          .selectFrom('affair_incidents')
          .innerJoin('incidents', 'incidents.id', 'affair_incidents.incident_id')
          .select(count => count.fn.countAll<number>().as('open'))
          .whereRef('affair_incidents.affair', '=', 'affairs.affair')
          .where('incidents.state', '=', 'open')
          .as('open')
      )
      .where('affairs.affair', 'in', eb => eb.selectFrom('affair_incidents').select('affair').distinct().where('incident_id', 'in', part))
      .where('affairs.state', 'in', ['handed-over', 'resolved'])
      .where('affairs.affair', 'not like', 'storm/%')
      .where('affairs.affair', 'not like', 'loan/%')
      .execute()
    for (const { affair, channel, state, handed_json, open } of rows) {
      const how = Number(open) === 0 ? 'resolved' : 'back'
      const changes = how === 'resolved' ? state === 'handed-over' : state === 'resolved'
      if (changes && handed_json !== null)
        turned.set(`${affair}\n${channel}`, { affair, channel, how, handed: stored<Message>(handed_json) })
    }
  }
  return [...turned.values()]
}

/** How an affair stands, and, where that changed too, the message that is sent again when its alerts are back. */
interface Standing {
  readonly state: AffairState
  readonly handed?: Message
}

/** Notes how an affair stands in a channel, where no message says so. */
export async function setStanding(
  tx: LedgerTransaction,
  { affair, channel }: Pick<Turned, 'affair' | 'channel'>,
  { state, handed }: Standing,
  now: number
): Promise<void> {
  await tx.query
    .updateTable('affairs')
    .set({ state, updated_at: now, ...(handed === undefined ? {} : { handed_json: JSON.stringify(handed) }) })
    .where('affair', '=', affair)
    .where('channel', '=', channel)
    .execute()
}

/** Deletes what is kept of affairs that nothing happened to since. */
export async function pruneAffairs(tx: LedgerTransaction, before: number): Promise<void> {
  await tx.query.deleteFrom('affairs').where('updated_at', '<', before).execute()
  await tx.query
    .deleteFrom('affair_incidents')
    .where('affair', 'not in', eb => eb.selectFrom('affairs').select('affair'))
    .execute()
}
