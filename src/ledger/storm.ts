import type { Kysely } from 'kysely'
import type { Ids } from '../base/clock.ts'
import type { AuditEntry } from '../domain/audit.ts'
import { audited } from '../domain/audited.ts'
import type { Message } from '../domain/message.ts'
import { targetKey } from '../domain/objects.ts'
import type { StormLimits } from '../domain/policy.ts'
import { STORM_LISTED, type StormLooming, type StormQuestion, type StormState } from '../domain/storm.ts'
import type { LedgerTransaction } from './database.ts'
import { stored } from './rows.ts'
import type { Tables } from './tables.ts'
import { takeTurn } from './turns.ts'
import { wakeRunsThatWaitFor } from './waking.ts'

/** A run that was not looked at for this long does not hold up the writes of others, milliseconds. */
const YOUNG_MS = 30_000

/**
 * Counts an incident whose symptom was measured for the first time. It begins a storm when that makes many distinct targets with
 * incidents opened within a short time, and it prolongs the present storm when its target is a new one (rules 4). The storm is a
 * row, written in the transaction that notes the measurement, so that it holds across restarts and replicas.
 * @returns what the audit says of it
 */
export async function countForStorm(
  tx: LedgerTransaction,
  limits: StormLimits,
  incidentId: string,
  { now, ids }: { readonly now: number; readonly ids: Ids }
): Promise<readonly AuditEntry[]> {
  await takeTurn(tx, 'storm')
  const incident = await tx.query
    .selectFrom('incidents')
    .select(['target_key', 'opened_at'])
    .where('id', '=', incidentId)
    .executeTakeFirst()
  if (incident?.target_key == null) return []
  const active = await stormRow(tx.query, now)
  // During a storm all incidents since its beginning count. Otherwise only those that were opened close to this one do.
  const since = active === undefined ? incident.opened_at - limits.within : active.started_at - limits.within
  if (incident.opened_at <= since) return []
  const verified = tx.query
    .selectFrom('incidents')
    .where('verified_at', 'is not', null)
    .where('target_key', 'is not', null)
    .where('opened_at', '>', since)
  const known = verified.select('id').where('target_key', '=', incident.target_key).where('id', '<>', incidentId)
  if ((await known.limit(1).execute()).length > 0) return []
  const calm_at = now + limits.calm
  if (active !== undefined) {
    // The target is a new one, so it is counted on: to count tens of thousands anew at each of them would take minutes.
    const { count, listed } = stored<Listed>(active.targets_json)
    const all = listed.length < STORM_LISTED ? [...listed, incident.target_key].sort() : listed
    const targets_json = JSON.stringify({ count: count + 1, listed: all })
    await tx.query.updateTable('storms').set({ last_at: now, calm_at, targets_json }).where('id', '=', active.id).execute()
    return []
  }
  const near = verified.where('opened_at', '<', incident.opened_at + limits.within)
  // Mostly there are too few for a storm, however they lie, and then their times need not be read.
  const atMost = await near.select(eb => eb.fn.count<number>('target_key').distinct().as('targets')).executeTakeFirstOrThrow()
  if (Number(atMost.targets) < limits.targets) return []
  const opened = await near.select(['target_key', 'opened_at']).orderBy('opened_at').execute()
  const targets = mostWithin(opened, limits.within, incident.opened_at)
  const count = targets.size
  if (count < limits.targets) return []
  const listed = [...targets].flatMap(target => target ?? []).sort()
  const targets_json = JSON.stringify({ count, listed: listed.slice(0, STORM_LISTED) })
  const id = ids.next()
  await tx.query.insertInto('storms').values({ id, started_at: now, last_at: now, calm_at, targets_json }).execute()
  await wakeRunsThatWaitFor(tx, 'storm-looming', now)
  return [audited.storm({ at: now }, { storm: id, targets: count, within: limits.within })]
}

/** How a storm's targets are stored. */
interface Listed {
  readonly count: number
  readonly listed: readonly string[]
}

type Opened = Pick<Tables['incidents'], 'target_key' | 'opened_at'>

/** The most distinct targets that were opened within that time, among the stretches that contain the instant. Pure. @param opened by time */
export function mostWithin(opened: readonly Opened[], within: number, around: number): ReadonlySet<string | null> {
  const near = opened.filter(row => row.opened_at > around - within && row.opened_at < around + within)
  const counts = new Map<string | null, number>()
  let most: ReadonlySet<string | null> = new Set()
  let first = 0
  for (const row of near) {
    counts.set(row.target_key, (counts.get(row.target_key) ?? 0) + 1)
    for (let oldest = near[first]; oldest !== undefined && oldest.opened_at <= row.opened_at - within; oldest = near[first]) {
      const left = (counts.get(oldest.target_key) ?? 0) - 1
      if (left === 0) counts.delete(oldest.target_key)
      else counts.set(oldest.target_key, left)
      first += 1
    }
    const contains = row.opened_at >= around && (near[first]?.opened_at ?? around) <= around
    if (contains && counts.size > most.size) most = new Set(counts.keys())
  }
  return most
}

/**
 * Whether a storm may be coming: so many targets have young incidents that it would be one, and some of them were not sampled yet.
 * @returns undefined where all of them were, or there are too few
 */
export async function stormLooming(db: Kysely<Tables>, { target, limits }: StormQuestion, now: number): Promise<StormLooming | undefined> {
  const own = targetKey(target)
  // Each look leaves a reason behind, so a run without one was not sampled yet.
  const young = await db
    .selectFrom('runs')
    .select('target_key')
    .distinct()
    .where('state', '=', 'waiting')
    .where('kind', '=', 'live')
    .where('reason', 'is', null)
    .where('wrote', '=', 0)
    .where('created_at', '>', now - YOUNG_MS)
    .where('target_key', 'is not', null)
    .where('target_key', '<>', own)
    .limit(limits.targets)
    .execute()
  if (young.length === 0) return undefined
  const verified = await db
    .selectFrom('incidents')
    .select('target_key')
    .distinct()
    .where('verified_at', 'is not', null)
    .where('target_key', 'is not', null)
    .where('opened_at', '>', now - limits.within)
    .limit(limits.targets)
    .execute()
  const targets = new Set([own, ...young.map(row => row.target_key), ...verified.map(row => row.target_key)]).size
  return targets < limits.targets ? undefined : { targets, notSampled: young.length }
}

/** Puts the list as it is now into a storm's message. The run that tells it has only just been counted. */
export async function withList(tx: LedgerTransaction, message: Message, now: number): Promise<Message> {
  const storm = message.subject.kind === 'storm' ? await stormAt(tx.query, now) : undefined
  if (storm === undefined || storm.id !== message.subject.id) return message
  return { ...message, details: { ...message.details, count: storm.count, targets: storm.targets } }
}

/** The storm that is not over yet. */
export async function stormAt(db: Kysely<Tables>, now: number): Promise<StormState | undefined> {
  const row = await stormRow(db, now)
  if (row === undefined) return undefined
  const { count, listed } = stored<Listed>(row.targets_json)
  return { id: row.id, startedAt: row.started_at, lastAt: row.last_at, calmAt: row.calm_at, count, targets: listed }
}

function stormRow(db: Kysely<Tables>, now: number) {
  return db.selectFrom('storms').selectAll().where('calm_at', '>', now).orderBy('started_at', 'desc').executeTakeFirst()
}
