import type { Kysely } from 'kysely'
import type { ClaimRoom } from '../domain/ports/ledger.ts'
import type { LedgerTransaction } from './database.ts'
import { alternate, laneKey, turnsOf } from './fair-lines.ts'
import { slices } from './rows.ts'
import { keepServed, knowSources, sourcesOf } from './served.ts'
import type { Tables } from './tables.ts'
import { takeTurn } from './turns.ts'

/** How many due runs get in line in one transaction: some 20 ms of work, so that deliveries need not wait long for their commit. */
export const LINED_UP_TOGETHER = 1_000

/** Whether a worker could take up any run. Mostly none is due, and then this must cost no transaction. */
export async function anyDue(db: Kysely<Tables>, now: number): Promise<boolean> {
  if ((await notInLine(db, now).limit(1).execute()).length > 0) return true
  return (await db.selectFrom('runs').select('id').where('ready', '=', 1).limit(1).execute()).length > 0
}

/** When the next run is due that nobody works on. A run that stands in line is due already. */
export async function nextDue(db: Kysely<Tables>): Promise<number | undefined> {
  const inLine = await db.selectFrom('runs').select('next_at').where('ready', '=', 1).limit(1).executeTakeFirst()
  if (inLine !== undefined) return inLine.next_at
  const row = await db
    .selectFrom('runs')
    .select(eb => eb.fn.min('next_at').as('at'))
    .where('kind', '=', 'live')
    .where('state', '<>', 'ended')
    .where('ready', '=', 0)
    .where('claim_expires_at', 'is', null)
    .executeTakeFirst()
  return row?.at ?? undefined
}

/**
 * Lets runs that became due get in line: each takes the next free turn of its source's target. A claim that ran out is taken away,
 * so that whoever held it cannot renew it any more. A dry run never gets in line, because the call that asked for it carries it out.
 * @returns how many got in line; where it is {@link LINED_UP_TOGETHER}, more may be due
 */
export async function lineUp(tx: LedgerTransaction, now: number): Promise<number> {
  await takeTurn(tx, 'claims')
  const due = await notInLine(tx.query, now).orderBy('next_at').orderBy('id').limit(LINED_UP_TOGETHER).execute()
  if (due.length === 0) return 0
  const newcomers = due.map(({ source, target_key }) => ({ source, target: target_key }))
  await knowSources(
    tx,
    'runs',
    due.map(run => run.source)
  )
  const served = new Map((await sourcesOf(tx, 'runs')).map(({ source, turn }) => [source, turn]))
  const turns = turnsOf(newcomers, await lastTurns(tx, newcomers), served)
  await tx.updateRuns(due.map(({ id }, index) => ({ id, ready: 1, turn: turns[index] ?? 0, owner: null, claim_expires_at: null })))
  return due.length
}

const ANY_SHARE = {
  perSource: Number.POSITIVE_INFINITY,
  perTarget: Number.POSITIVE_INFINITY,
  sources: new Map<string, number>(),
  targets: new Map<string, number>()
}

interface Taking {
  readonly owner: string
  readonly now: number
  readonly leaseMs: number
  readonly room: number | ClaimRoom
}

/** Claims the runs whose turns are next, in the order of the turns. */
export async function claimNext(tx: LedgerTransaction, { owner, now, leaseMs, room }: Taking): Promise<readonly Tables['runs'][]> {
  const { atMost, perSource, perTarget, sources: busy, targets } = typeof room === 'number' ? { ...ANY_SHARE, atMost: room } : room
  if (atMost <= 0) return []
  await takeTurn(tx, 'claims')
  const sources = await sourcesOf(tx, 'runs')
  const full = [...targets].flatMap(([target, count]) => (count >= perTarget ? [target] : []))
  const lines = []
  for (const { source } of sources) {
    const left = perSource - (busy.get(source) ?? 0)
    if (left <= 0) continue
    let line = tx.query
      .selectFrom('runs')
      .select(['id', 'source', 'target_key', 'turn'])
      .where('ready', '=', 1)
      .where('source', '=', source)
    if (full.length > 0) line = line.where(eb => eb.or([eb('target_key', 'is', null), eb('target_key', 'not in', full)]))
    const next = await tx.unclaimed(line.orderBy('turn').orderBy('next_at').orderBy('id').limit(atMost)).execute()
    const under = new Map(targets)
    const inShare = next.filter(({ target_key }) => {
      const count = target_key === null ? 0 : (under.get(target_key) ?? 0) + 1
      if (target_key !== null) under.set(target_key, count)
      return count <= perTarget
    })
    lines.push(inShare.slice(0, left))
  }
  const taken = alternate(lines, atMost)
  if (taken.length === 0) return []
  await keepServed(tx, 'runs', sources, taken)
  const places = new Map(taken.map(({ id }, place) => [id, place]))
  const rows = await tx.query
    .updateTable('runs')
    .set(eb => ({ owner, fence: eb('fence', '+', 1), claim_expires_at: now + leaseMs, ready: 0 }))
    .where('id', 'in', [...places.keys()])
    .returningAll()
    .execute()
  return rows.sort((one, other) => (places.get(one.id) ?? 0) - (places.get(other.id) ?? 0))
}

/** The runs that are due and do not stand in line yet. */
function notInLine(db: Kysely<Tables>, now: number) {
  return db
    .selectFrom('runs')
    .select(['id', 'source', 'target_key'])
    .where('kind', '=', 'live')
    .where('state', '<>', 'ended')
    .where('ready', '=', 0)
    .where('next_at', '<=', now)
    .where(where => where.or([where('claim_expires_at', 'is', null), where('claim_expires_at', '<=', now)]))
}

/** The last turn that is taken in each of these lanes. */
async function lastTurns(tx: LedgerTransaction, lanes: readonly { readonly source: string; readonly target: string | null }[]) {
  const last = new Map<string, number>()
  const targets = [...new Set(lanes.map(lane => lane.target ?? ''))]
  for (const part of slices(targets)) {
    const rows = await tx.query
      .selectFrom('runs')
      .select(['source', 'target_key', eb => eb.fn.max('turn').as('turn')])
      .where('ready', '=', 1)
      .where('source', 'in', [...new Set(lanes.map(lane => lane.source))])
      .where(eb => eb.or([eb('target_key', 'in', part), ...(part.includes('') ? [eb('target_key', 'is', null)] : [])]))
      .groupBy(['source', 'target_key'])
      .execute()
    for (const { source, target_key, turn } of rows) last.set(laneKey({ source, target: target_key }), Number(turn))
  }
  return last
}
