import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'
import type { Kysely } from 'kysely'
import { DAY } from '../base/clock.ts'
import type { Delivery } from '../domain/incident.ts'
import { compiledOnce } from './compiled-once.ts'
import type { LedgerTransaction } from './database.ts'
import type { Tables } from './tables.ts'

/**
 * How much is kept of the raw copies that one source sends in a day, bytes as they are stored. A source that sends a thousand alerts
 * in each minute of the day stays below it. Beyond it only the copies are not kept; alerts always are.
 */
export const RAW_KEPT_PER_DAY = 32 * 1024 * 1024
/** A smaller body is kept as it is: packing costs more than the few hundred bytes that it saves. */
const PACKED_FROM = 2_048
const ENCODINGS = ['plain', 'gzip', 'dropped'] as const
type Encoding = (typeof ENCODINGS)[number]
const NOTHING = new Uint8Array()

/** A raw copy as it is stored. */
export interface RawCopy {
  readonly encoding: Encoding
  readonly body: Uint8Array
}

/** A delivery whose raw copy is ready to be stored. */
export interface PackedDelivery extends Delivery {
  readonly copy: RawCopy
}

const packWith = promisify(gzip)
const unpackWith = promisify(gunzip)

/** Packs a raw copy, in another thread. */
export async function packed(delivery: Delivery): Promise<PackedDelivery> {
  const { raw } = delivery
  if (raw.length < PACKED_FROM) return { ...delivery, copy: { encoding: 'plain', body: raw } }
  const body = await packWith(raw, { level: 3 })
  return { ...delivery, copy: body.length < raw.length ? { encoding: 'gzip', body } : { encoding: 'plain', body: raw } }
}

/** Stores the raw copies of deliveries, as far as the quota of their source goes. */
export async function keepRawCopies(tx: LedgerTransaction, deliveries: readonly PackedDelivery[]): Promise<void> {
  const rows: Tables['deliveries'][] = []
  const days = new Map<string, { readonly source: string; readonly day: number; readonly before: number; added: number }>()
  for (const { id, part, receivedAt, source, raw, copy } of deliveries) {
    const day = Math.floor(receivedAt / DAY)
    const key = `${day}\n${source}`
    let used = days.get(key)
    if (used === undefined) {
      const [row] = await keptOf(tx, { source, day })
      used = { source, day, before: row?.bytes ?? 0, added: 0 }
      days.set(key, used)
    }
    const fits = used.before + used.added + copy.body.length <= RAW_KEPT_PER_DAY
    if (fits) used.added += copy.body.length
    const { encoding, body } = fits ? copy : { encoding: 'dropped', body: NOTHING }
    rows.push({ id, part, received_at: receivedAt, source, encoding, bytes: raw.length, body })
  }
  await tx.insertMany('deliveries', rows)
  for (const { source, day, added } of days.values()) if (added > 0) await addKept(tx, { source, day, bytes: added })
}

const keptOf = compiledOnce<'source' | 'day', Pick<Tables['raw_kept'], 'bytes'>>((tx, value) =>
  tx.locked(
    tx.query.selectFrom('raw_kept').select('bytes').where('source', '=', value<string>('source')).where('day', '=', value<number>('day'))
  )
)
const addKept = compiledOnce<'source' | 'day' | 'bytes', unknown>((tx, value) =>
  tx.query
    .insertInto('raw_kept')
    .values({ source: value<string>('source'), day: value<number>('day'), bytes: value<number>('bytes') })
    .onConflict(conflict =>
      conflict.columns(['source', 'day']).doUpdateSet(eb => ({ bytes: eb('raw_kept.bytes', '+', eb.ref('excluded.bytes')) }))
    )
)

/** Deletes raw copies from before an instant. */
export async function pruneRawCopies(tx: LedgerTransaction, before: number): Promise<void> {
  await tx.query.deleteFrom('deliveries').where('received_at', '<', before).execute()
  // A day that is over can be forgotten: nothing is added to it any more.
  await tx.query
    .deleteFrom('raw_kept')
    .where('day', '<', Math.floor(before / DAY))
    .execute()
}

/** The body of a delivery as it was received; undefined where there is none, `dropped` where a part of it was not kept. */
export async function rawCopyOf(db: Kysely<Tables>, id: string): Promise<Uint8Array | 'dropped' | undefined> {
  const rows = await db.selectFrom('deliveries').select(['encoding', 'body']).where('id', '=', id).orderBy('part').execute()
  if (rows.length === 0) return undefined
  const parts: Uint8Array[] = []
  for (const { encoding, body } of rows) {
    switch (ENCODINGS.find(known => known === encoding)) {
      case 'plain':
        parts.push(body)
        break
      case 'gzip':
        parts.push(await unpackWith(body))
        break
      case 'dropped':
        return 'dropped'
      case undefined:
        throw new Error(`the ledger holds an unknown encoding of a delivery: ${JSON.stringify(encoding)}`)
    }
  }
  return Buffer.concat(parts)
}
