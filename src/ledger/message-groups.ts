import type { Message } from '../domain/message.ts'
import { isStillOpen } from './affairs.ts'
import type { LedgerTransaction } from './database.ts'
import { stored } from './rows.ts'
import { takeTurn } from './turns.ts'

// Alerts of one source on one target that need people share one message for each channel. The first of them is told at once, as it is.
// Whatever comes later is counted in that message, which is updated.

/**
 * For so long later alerts are counted in a message, milliseconds. It counts from the first, so that nobody can keep a message open
 * for ever and hide a new incident in it.
 */
export const GROUPED_FOR_MS = 30 * 60_000
/** How many kinds of endings are told apart. The rest is only counted. */
const KINDS_TOLD = 20

/** What is kept of a group: the first message as it was, and how often each ending came. */
interface Grouped {
  readonly first: Pick<Message, 'title' | 'text'>
  readonly count: number
  readonly endings: Readonly<Record<string, number>>
}

/** A message that another one of its group goes into. */
export interface Joined {
  readonly key: string
  readonly message: Message
  readonly grouped: string
}

/** What a group keeps of its first message. */
export function firstOfGroup(message: Message): string {
  const grouped: Grouped = { first: { title: message.title, text: message.text }, count: 1, endings: { [endingOf(message)]: 1 } }
  return JSON.stringify(grouped)
}

/** The message of the same group and channel that this one goes into; undefined where it is the first. */
export async function joined(tx: LedgerTransaction, group: string, message: Message, now: number): Promise<Joined | undefined> {
  await takeTurn(tx, 'groups')
  const row = await tx
    .locked(
      tx.query
        .selectFrom('outbox')
        .select(['key', 'message_json', 'grouped_json'])
        .where('group_key', '=', group)
        .where('channel', '=', message.channel)
        .where('created_at', '>', now - GROUPED_FOR_MS)
        .orderBy('created_at', 'desc')
        .limit(1)
    )
    .executeTakeFirst()
  if (row?.grouped_json == null || row.key === message.key) return undefined
  // Nobody looks at a message whose affair is over: the alert begins another one.
  if (!(await isStillOpen(tx, stored<Message>(row.message_json), now))) return undefined
  const before = stored<Grouped>(row.grouped_json)
  const ending = endingOf(message)
  const known = before.endings[ending] !== undefined || Object.keys(before.endings).length < KINDS_TOLD
  const endings = known ? { ...before.endings, [ending]: (before.endings[ending] ?? 0) + 1 } : before.endings
  const grouped: Grouped = { first: before.first, count: before.count + 1, endings }
  return { key: row.key, message: told(stored<Message>(row.message_json), grouped, message.event), grouped: JSON.stringify(grouped) }
}

function told(message: Message, { first, count, endings }: Grouped, event: Message['event']): Message {
  const list = Object.entries(endings).map(([ending, times]) => `${times} × ${ending}`)
  return {
    ...message,
    event,
    title: `${first.title} (${count} alerts)`,
    text: `${first.text}\n${count} alerts of this source on this target need people: ${list.join(', ')}. astern runs lists them.`,
    details: { ...message.details, count, endings }
  }
}

function endingOf({ details }: Message): string {
  const reason = details['reason']
  return `${String(details['policy'] ?? '')}: ${String(details['outcome'] ?? '')}${reason === undefined ? '' : ` (${String(reason)})`}`
}
