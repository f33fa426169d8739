import type { ExpressionBuilder, Kysely } from 'kysely'
import { audited } from '../domain/audited.ts'
import { type HandedOver, withHandOver } from '../domain/hand-over.ts'
import { affairOf, type Message } from '../domain/message.ts'
import type { OutboxLedger } from '../domain/ports/ledger.ts'
import { APART, concerns, nextPlace } from './affairs.ts'
import { appendAudit } from './audit-chain.ts'
import { memoriesOf, memoryKey, pause, remember } from './channel-memory.ts'
import type { Database, LedgerTransaction } from './database.ts'
import { firstOfGroup, joined } from './message-groups.ts'
import { stored } from './rows.ts'
import type { Tables } from './tables.ts'

/** An updated message (a storm's list) is sent again this long after the last sending at the earliest. */
const UPDATE_NOT_BEFORE_MS = 30_000
/** A storm's first message waits for the list to fill. */
const GATHER_MS = 2_000

/**
 * Puts a message into the outbox, in the transaction of what it reports. A second message of the same key updates the first, and so
 * does one of the same group.
 * @param notBefore when it is sent at the earliest; default: at once, and a storm's message when its list has filled
 */
export async function enqueue(tx: LedgerTransaction, { group, ...told }: Message, now: number, notBefore?: number): Promise<void> {
  const { onlyWhereTold: _only, apart: _apart, ...message } = told
  const into = group === undefined ? undefined : await joined(tx, group, message, now)
  if (into !== undefined) {
    await change(tx, into.key, into.message, now)
    await concerns(tx, affairOf(into.message.subject), message.incidentId)
    await tx.query.updateTable('outbox').set({ grouped_json: into.grouped }).where('key', '=', into.key).execute()
    return
  }
  const known = await tx.query.selectFrom('outbox').select('key').where('key', '=', message.key).executeTakeFirst()
  if (known !== undefined) {
    await concerns(tx, affairOf(message.subject), message.incidentId)
    return change(tx, message.key, message, now)
  }
  const placed = await nextPlace(tx, told, now)
  if (placed === undefined) return
  const added = await tx.query
    .insertInto('outbox')
    .values({
      key: message.key,
      channel: message.channel,
      message_json: JSON.stringify(message),
      revision: 1,
      attempts: 0,
      next_at: notBefore ?? (message.subject.kind === 'storm' && message.event !== 'over' ? now + GATHER_MS : now),
      delivered_at: null,
      refused: 0,
      last_error: null,
      created_at: now,
      claimed_until: null,
      group_key: group ?? null,
      grouped_json: group === undefined ? null : firstOfGroup(message),
      fell_back: 0,
      ...placed
    })
    .onConflict(conflict => conflict.column('key').doNothing())
    .executeTakeFirst()
  if ((added.numInsertedOrUpdatedRows ?? 0n) === 0n) await change(tx, message.key, message, now)
}

const UNSENT = { delivered_at: null, attempts: 0, refused: 0 }

/** Changes a message that is in the outbox. */
async function change(tx: LedgerTransaction, key: string, message: Message, now: number): Promise<void> {
  const known = await tx
    .locked(tx.query.selectFrom('outbox').select(['revision', 'delivered_at', 'next_at', 'message_json']).where('key', '=', key))
    .executeTakeFirstOrThrow()
  const before = stored<Message>(known.message_json)
  if (JSON.stringify({ ...message, event: before.event }) === known.message_json) return
  // Once people have received the message, a change of it is an update. Until then they get the changed one as the first.
  const event = known.delivered_at !== null || before.event === 'update' ? 'update' : message.event
  const next_at = known.delivered_at === null ? known.next_at : Math.max(now, known.delivered_at + UPDATE_NOT_BEFORE_MS)
  await tx.query
    .updateTable('outbox')
    // What was refused as it was may be taken as it is now.
    .set({ message_json: JSON.stringify({ ...message, event }), revision: known.revision + 1, next_at, ...UNSENT })
    .where('key', '=', key)
    .execute()
}

/** A change that came while the first message was on its way is an update too. */
async function markUpdate(tx: LedgerTransaction, key: string): Promise<void> {
  const row = await tx.query.selectFrom('outbox').select('message_json').where('key', '=', key).executeTakeFirst()
  if (row === undefined) return
  const message: Message = { ...stored<Message>(row.message_json), event: 'update' }
  await tx.query
    .updateTable('outbox')
    .set({ message_json: JSON.stringify(message) })
    .where('key', '=', key)
    .execute()
}

export function createOutbox({ db, transaction }: Database): Omit<OutboxLedger, 'tendMessages'> {
  return {
    async claimMessages(now, until, limit, busy = []) {
      const channels = await dueMessages(db, now).select('channel').distinct().execute()
      const free = channels.map(({ channel }) => channel).filter(channel => !busy.includes(channel))
      // Mostly no message is due, and then this must cost no transaction.
      if (free.length === 0) return []
      return transaction(async tx => {
        const rows: Tables['outbox'][] = []
        for (const channel of free) {
          const due = dueMessages(tx.query, now).select('key').where('channel', '=', channel).orderBy('next_at').limit(limit)
          const claiming = tx.query.updateTable('outbox').set({ claimed_until: until }).where('key', 'in', tx.unclaimed(due))
          rows.push(...(await claiming.returningAll().execute()))
        }
        const memories = await memoriesOf(tx, rows)
        const handed = await handedAffairs(tx, rows)
        return rows
          .sort((one, other) => one.next_at - other.next_at)
          .map(row => {
            const memory = memories.get(memoryKey(row))
            return {
              message: asItStands(stored<Message>(row.message_json), handed.get(row.affair)),
              attempts: row.attempts,
              revision: row.revision,
              claimedUntil: until,
              ...(memory === undefined ? {} : { memory })
            }
          })
      })
    },

    messageSent: (queued, result, nextAt, now) =>
      transaction(async tx => {
        const { message } = queued
        const delivered = result.kind === 'delivered'
        const settling = tx.query
          .updateTable('outbox')
          .set({
            attempts: queued.attempts + 1,
            next_at: nextAt,
            delivered_at: delivered ? now : null,
            refused: result.kind === 'refused' ? 1 : 0,
            last_error: delivered ? null : result.detail
          })
          .where('key', '=', message.key)
          // An update that came meanwhile still has to be sent.
          .where('revision', '=', queued.revision)
        // After the lease ran out another may have claimed the message. A failure is then ignored, but a delivery still counts.
        const { numUpdatedRows } = await (delivered
          ? settling
          : settling.where('claimed_until', '=', queued.claimedUntil)
        ).executeTakeFirst()
        if (delivered && numUpdatedRows === 0n) await markUpdate(tx, message.key)
        if (result.kind === 'delivered' && result.remember !== undefined) await remember(tx, message, result.remember)
        if (result.kind === 'failed' && result.retryAfterMs !== undefined) await pause(tx, message.channel, nextAt)
        await tx.query
          .updateTable('outbox')
          .set({ claimed_until: null })
          .where('key', '=', message.key)
          .where('claimed_until', '=', queued.claimedUntil)
          .execute()
        const about = { at: now, runId: message.runId, incidentId: message.incidentId }
        const attempt = { channel: message.channel, key: message.key, attempt: queued.attempts + 1 }
        await appendAudit(tx, [
          delivered
            ? audited.delivered(about, attempt)
            : audited.deliveryFailed(about, { ...attempt, detail: result.detail, final: result.kind === 'refused' })
        ])
      }),

    async undelivered() {
      const row = await db
        .selectFrom('outbox')
        .select(eb => eb.fn.countAll<number>().as('count'))
        .where('delivered_at', 'is', null)
        .executeTakeFirstOrThrow()
      return Number(row.count)
    },

    async stuckMessages(channels, attempts) {
      if (channels.length === 0) return []
      const rows = await db
        .selectFrom('outbox')
        .select('channel')
        .distinct()
        .where('delivered_at', 'is', null)
        .where('refused', '=', 0)
        .where('fell_back', '=', 0)
        .where('attempts', '>=', attempts)
        .where('channel', 'in', [...channels])
        .orderBy('channel')
        .execute()
      return rows.map(row => row.channel)
    },

    async nextMessageAt(busy = []) {
      const rows = await db
        .selectFrom('outbox')
        .leftJoin('channel_pauses', 'channel_pauses.channel', 'outbox.channel')
        .select(eb => {
          const claimed = eb.case().when('claimed_until', '>', eb.ref('next_at')).then(eb.ref('claimed_until'))
          return ['outbox.channel', 'until', eb.fn.min(claimed.else(eb.ref('next_at')).end()).as('at')]
        })
        .where('delivered_at', 'is', null)
        .where('refused', '=', 0)
        .where(isNext)
        .groupBy(['outbox.channel', 'until'])
        .execute()
      // Whoever waits for a channel that is left alone waits for the end of that.
      const times = rows.flatMap(({ channel, at, until }) => (busy.includes(channel) ? [] : [Math.max(Number(at), until ?? 0)]))
      return times.length === 0 ? undefined : Math.min(...times)
    }
  }
}

/** Who has the affairs of these messages, by affair. */
async function handedAffairs(tx: LedgerTransaction, messages: readonly Tables['outbox'][]): Promise<ReadonlyMap<string, HandedOver>> {
  const ids = messages.flatMap(({ affair }) => (affair.startsWith('run/') ? [affair.slice('run/'.length)] : []))
  if (ids.length === 0) return new Map()
  const rows = await tx.query.selectFrom('runs').select(['id', 'handed_json']).where('id', 'in', ids).execute()
  return new Map(
    rows.flatMap(({ id, handed_json }) =>
      handed_json === null ? [] : [[affairOf({ kind: 'run', id }), stored<HandedOver>(handed_json)] as const]
    )
  )
}

/** The message as it is sent now: one that was stored before somebody took the affair over says who has it, too. */
function asItStands(message: Message, handed: HandedOver | undefined): Message {
  return handed === undefined ? message : withHandOver(message, handed)
}

/** The messages that are due, not delivered and not claimed. A claim counts until its lease runs out. */
function dueMessages(db: Kysely<Tables>, now: number) {
  return db
    .selectFrom('outbox')
    .where('delivered_at', 'is', null)
    .where('refused', '=', 0)
    .where('next_at', '<=', now)
    .where(eb => eb.or([eb('claimed_until', 'is', null), eb('claimed_until', '<=', now)]))
    .where('channel', 'not in', eb => eb.selectFrom('channel_pauses').select('channel').where('until', '>', now))
    .where(isNext)
}

/** Whether all earlier messages of the same affair to the same channel were delivered or refused. What stands apart waits for none. */
function isNext(eb: ExpressionBuilder<Tables, 'outbox'>) {
  const waits = eb.not(
    eb.exists(
      eb
        .selectFrom('outbox as earlier')
        .select('earlier.key')
        .whereRef('earlier.affair', '=', 'outbox.affair')
        .whereRef('earlier.channel', '=', 'outbox.channel')
        .whereRef('earlier.place', '<', 'outbox.place')
        .where('earlier.delivered_at', 'is', null)
        .where('earlier.refused', '=', 0)
    )
  )
  return eb.or([eb('outbox.place', '=', APART), waits])
}
