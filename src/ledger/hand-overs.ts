import { MINUTE } from '../base/clock.ts'
import { audited } from '../domain/audited.ts'
import { type HandedOver, type HandOver, type HandOverResult, handedText, isSame, withHandOver } from '../domain/hand-over.ts'
import { affairOf, type Message } from '../domain/message.ts'
import type { Outcome } from '../domain/outcomes.ts'
import type { HandOverLedger } from '../domain/ports/hand-over-ledger.ts'
import { APART, concerns, setStanding } from './affairs.ts'
import { appendAudit } from './audit-chain.ts'
import type { Database, LedgerTransaction } from './database.ts'
import { enqueue } from './outbox.ts'
import { outcomeOf, stored } from './rows.ts'
import type { Tables } from './tables.ts'

/** A callback is kept for twice as long as it could be accepted. */
const CALLBACKS_KEPT_MS = 10 * MINUTE
/** How a run ends that leaves nothing for people to do. */
const NOTHING_LEFT: readonly Outcome[] = ['recovered', 'resolved', 'dry-run', 'rejected']

/** Who has taken over the affair of a run; undefined where nobody has. */
export function handedOverOf({ handed_json }: Pick<Tables['runs'], 'handed_json'>): HandedOver | undefined {
  return handed_json === null ? undefined : stored<HandedOver>(handed_json)
}

/** What people answer. Each answer is one transaction: state, audit row and messages are there together, or not at all. */
export function createHandOvers({ db, transaction }: Database): HandOverLedger {
  return {
    handOver: request => transaction(tx => handOver(tx, request)),

    async handedOver(runId) {
      const row = await db.selectFrom('runs').select('handed_json').where('id', '=', runId).executeTakeFirst()
      return row === undefined ? undefined : handedOverOf(row)
    },

    async rememberedOf(affair, channel) {
      const row = await db
        .selectFrom('affairs')
        .select('memory_json')
        .where('affair', '=', affair)
        .where('channel', '=', channel)
        .executeTakeFirst()
      return row?.memory_json == null ? undefined : stored(row.memory_json)
    },

    acceptOnce: (id, now) =>
      transaction(async tx => {
        await tx.query
          .deleteFrom('callbacks')
          .where('at', '<', now - CALLBACKS_KEPT_MS)
          .execute()
        const added = await tx.query
          .insertInto('callbacks')
          .values({ id, at: now })
          .onConflict(conflict => conflict.column('id').doNothing())
          .executeTakeFirst()
        return (added.numInsertedOrUpdatedRows ?? 0n) > 0n
      })
  }
}

async function handOver(tx: LedgerTransaction, request: HandOver): Promise<HandOverResult> {
  const { runId, to } = request
  const row = await tx.locked(tx.query.selectFrom('runs').selectAll().where('id', '=', runId)).executeTakeFirst()
  if (row === undefined || row.kind !== 'live') return { kind: 'no-such-run' }
  const has = handedOverOf(row)
  if (has !== undefined && !isSame(has, to)) return { kind: 'taken', has }
  // Who has it may still say that the watch is to end, too.
  if (has !== undefined && (has.stop === to.stop || to.stop === undefined)) return { kind: 'handed', to: has, again: true }
  const { outcome } = outcomeOf(row)
  if (await isOver(tx, row, outcome)) return { kind: 'over', ...(outcome === undefined ? {} : { outcome }) }
  const handed: HandedOver = has === undefined ? to : { ...has, stop: true }
  const incidents = await mark(tx, row, handed)
  await wake(tx, runId, handed)
  const { by, via, person, reason, at } = to
  await appendAudit(tx, [
    audited.handedOver(
      { at, runId, incidentId: row.incident_id ?? undefined },
      {
        ...{ by, via, stopsWatching: handed.stop === true, state: row.state },
        ...(person === undefined ? {} : { person }),
        ...(reason === undefined ? {} : { reason })
      }
    )
  ])
  if (has === undefined) await tell(tx, { ...request, to: handed }, incidents)
  return { kind: 'handed', to: handed, again: false }
}

/** A run that has ended leaves an affair only while its alert fires. Where no alert began it, people have it until they say so. */
async function isOver(tx: LedgerTransaction, row: Tables['runs'], outcome: Outcome | undefined): Promise<boolean> {
  if (row.state !== 'ended') return false
  if (outcome !== undefined && NOTHING_LEFT.includes(outcome)) return true
  if (row.incident_id === null) return false
  const incident = await tx.query.selectFrom('incidents').select('state').where('id', '=', row.incident_id).executeTakeFirst()
  return incident?.state !== 'open'
}

/** Marks the run, and the others whose alerts share its affair. Their incidents count as told: nothing is written for them. */
async function mark(tx: LedgerTransaction, row: Tables['runs'], handed: HandedOver): Promise<readonly string[]> {
  const shared = await tx.query
    .selectFrom('affair_incidents')
    .select('incident_id')
    .where('affair', '=', affairOf({ kind: 'run', id: row.id }))
    .execute()
  const incidents = [...new Set([...(row.incident_id === null ? [] : [row.incident_id]), ...shared.map(one => one.incident_id)])]
  const handed_json = JSON.stringify(handed)
  await tx.query.updateTable('runs').set({ handed_json }).where('id', '=', row.id).execute()
  if (incidents.length === 0) return []
  await tx.query.updateTable('runs').set({ handed_json }).where('incident_id', 'in', incidents).where('kind', '=', 'live').execute()
  await tx.query.updateTable('incidents').set({ told_at: handed.at }).where('id', 'in', incidents).where('told_at', 'is', null).execute()
  return incidents
}

/** Makes the run due, where it has to do something now: a waiting one ends, and so does a watch that is to stop. */
async function wake(tx: LedgerTransaction, runId: string, { stop, at }: HandedOver): Promise<void> {
  await tx.query
    .updateTable('runs')
    .set({ next_at: at })
    .where('id', '=', runId)
    .where('state', 'in', stop === true ? ['waiting', 'watching'] : ['waiting'])
    .where('next_at', '>', at)
    .execute()
}

/** Tells each channel that was told of the affair who has it. People have the affair from now on: it is over when its alerts are. */
async function tell(tx: LedgerTransaction, { runId, to, channels }: HandOver, incidents: readonly string[]): Promise<void> {
  const affair = affairOf({ kind: 'run', id: runId })
  if (channels.length === 0) return
  const rows = await tx.query
    .selectFrom('affairs')
    .select('channel')
    .where('affair', '=', affair)
    .where('channel', 'in', channels)
    .where('state', 'in', ['begun', 'handed-over'])
    .execute()
  for (const { channel } of rows) {
    const last = await tx.query
      .selectFrom('outbox')
      .select('message_json')
      .where('affair', '=', affair)
      .where('channel', '=', channel)
      // What stands apart is the last only where there is nothing else.
      .orderBy(eb => eb('place', '=', APART))
      .orderBy('place', 'desc')
      .limit(1)
      .executeTakeFirst()
    if (last === undefined) continue
    const update = updateOf(stored<Message>(last.message_json), to)
    await enqueue(tx, update, to.at)
    await setStanding(tx, { affair, channel }, { state: 'handed-over', handed: { ...update, event: 'needs-people' } }, to.at)
  }
  for (const incident of incidents) await concerns(tx, affair, incident)
}

function updateOf(last: Message, to: HandedOver): Message {
  const { group: _group, onlyWhereTold: _only, apart: _apart, ...message } = last
  return withHandOver(
    {
      ...message,
      key: `${affairOf(message.subject)}/handed-over/${to.at}/${message.channel}`,
      event: 'update',
      text: `${handedText(to)}. Astern writes nothing more for it.\n${message.text}`
    },
    to
  )
}
