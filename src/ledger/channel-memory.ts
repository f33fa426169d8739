import type { JsonObject } from '../base/json.ts'
import { affairOf, type Message } from '../domain/message.ts'
import type { LedgerTransaction } from './database.ts'
import { stored } from './rows.ts'
import type { Tables } from './tables.ts'

/** What channels remember of affairs, such as the message that an update changes. */
export type Memories = ReadonlyMap<string, JsonObject>

export function memoryKey({ affair, channel }: Pick<Tables['outbox'], 'affair' | 'channel'>): string {
  return `${affair}\n${channel}`
}

/** What the channels of these messages remember of their affairs, by `memoryKey`. */
export async function memoriesOf(tx: LedgerTransaction, messages: readonly Tables['outbox'][]): Promise<Memories> {
  if (messages.length === 0) return new Map()
  const rows = await tx.query
    .selectFrom('affairs')
    .select(['affair', 'channel', 'memory_json'])
    .where(
      'affair',
      'in',
      messages.map(message => message.affair)
    )
    .execute()
  return new Map(rows.flatMap(row => (row.memory_json === null ? [] : [[memoryKey(row), stored<JsonObject>(row.memory_json)]])))
}

/** Keeps what the channel remembers of the affair of a message that it has taken. */
export async function remember(tx: LedgerTransaction, { subject, channel }: Message, memory: JsonObject): Promise<void> {
  await tx.query
    .updateTable('affairs')
    .set({ memory_json: JSON.stringify(memory) })
    .where('affair', '=', affairOf(subject))
    .where('channel', '=', channel)
    .execute()
}

/** Leaves a channel alone until an instant, with all of its messages: one that is called all the same may shut Astern out. */
export async function pause(tx: LedgerTransaction, channel: string, until: number): Promise<void> {
  await tx.query
    .insertInto('channel_pauses')
    .values({ channel, until })
    .onConflict(conflict => conflict.column('channel').doUpdateSet({ until }))
    .execute()
}
