import { BLINDNESSES, WATCHDOG } from '../domain/blindness.ts'
import type { Delivery } from '../domain/incident.ts'
import type { BlindLedger, BlindNews } from '../domain/ports/blind-ledger.ts'
import { appendAudit } from './audit-chain.ts'
import type { Database, LedgerTransaction } from './database.ts'
import { enqueue } from './outbox.ts'
import { slices, stored } from './rows.ts'

/** Keeps how blind Astern is. A row stands for a blindness that has begun: who cannot take it away was too late. */
export function createBlindness({ db, transaction }: Database): BlindLedger {
  return {
    async lastHeard(name) {
      const row = await db.selectFrom('heard').select('at').where('name', '=', name).executeTakeFirst()
      return row?.at
    },

    async openIdentities(identities) {
      const found = new Set<string>()
      for (const part of slices([...identities])) {
        const open = db.selectFrom('incidents').select('identity').distinct().where('identity', 'in', part).where('state', '=', 'open')
        for (const { identity } of await open.execute()) found.add(identity)
      }
      return found
    },

    async blindnesses() {
      const rows = await db.selectFrom('blindness').selectAll().execute()
      return rows.flatMap(({ kind, id, since, detail, channels_json }) => {
        const known = BLINDNESSES.find(one => one === kind)
        return known === undefined ? [] : [{ kind: known, id, since, detail, channels: stored<readonly string[]>(channels_json) }]
      })
    },

    beginBlindness: ({ kind, id, since, detail, channels }, news) =>
      transaction(async tx => {
        const added = await tx.query
          .insertInto('blindness')
          .values({ kind, id, since, detail, channels_json: JSON.stringify(channels) })
          .onConflict(conflict => conflict.column('kind').doNothing())
          .executeTakeFirst()
        return tell(tx, (added.numInsertedOrUpdatedRows ?? 0n) > 0n, news, since)
      }),

    changeBlindness: ({ kind, id, detail }, news, now) =>
      transaction(async tx => {
        const changed = await tx.query
          .updateTable('blindness')
          .set({ detail })
          .where('kind', '=', kind)
          .where('id', '=', id)
          .executeTakeFirst()
        return tell(tx, changed.numUpdatedRows > 0n, news, now)
      }),

    endBlindness: ({ kind, id }, news, now) =>
      transaction(async tx => {
        const gone = await tx.query.deleteFrom('blindness').where('kind', '=', kind).where('id', '=', id).executeTakeFirst()
        return tell(tx, gone.numDeletedRows > 0n, news, now)
      })
  }
}

async function tell(tx: LedgerTransaction, holds: boolean, { messages, audit }: BlindNews, now: number): Promise<boolean> {
  if (!holds) return false
  for (const message of messages) await enqueue(tx, message, now)
  await appendAudit(tx, audit)
  return true
}

/** Notes that the Watchdog was heard, with the delivery that brought it. One that is resolved is silence. */
export async function noteHeard(tx: LedgerTransaction, deliveries: readonly Pick<Delivery, 'alerts' | 'receivedAt'>[]): Promise<void> {
  const times = deliveries.flatMap(({ alerts, receivedAt }) =>
    alerts.some(alert => alert.watchdog === true && alert.status === 'firing') ? [receivedAt] : []
  )
  if (times.length === 0) return
  const at = Math.max(...times)
  await tx.query
    .insertInto('heard')
    .values({ name: WATCHDOG, at })
    .onConflict(conflict => conflict.column('name').doUpdateSet({ at }))
    .execute()
}
