import { targetKey } from '../domain/objects.ts'
import type { AdmissionLedger } from '../domain/ports/ledger.ts'
import type { Database, LedgerTransaction } from './database.ts'
import { alternate, laneKey, turnsOf } from './fair-lines.ts'
import { wholeIncidents } from './incident-rows.ts'
import { slices, toIncident } from './rows.ts'
import { keepServed, knowSources, sourcesOf } from './served.ts'
import type { IncidentRow } from './tables.ts'
import { takeTurn } from './turns.ts'

/** How many incidents of one source are admitted without delay. A storm that is real is smaller, or is seen whole by its first thousand. */
export const ADMITTED_AT_ONCE = 1_000
/** After that, the time between two incidents of the source, milliseconds: a hundred a second, fifty thousand in some eight minutes. */
export const ADMITTED_EVERY_MS = 10

/** Incidents that wait for admission: those that just came, by sources, and those that a brake holds in line. */
export function createAdmissionLine({ db, transaction }: Database): AdmissionLedger {
  return {
    async unadmitted(limit) {
      const lines = []
      for (let after = await nextSource(db, undefined); after !== undefined; after = await nextSource(db, after))
        lines.push(
          await wholeIncidents(db)
            .where('incidents.admitted_at', 'is', null)
            .where('incidents.turn', 'is', null)
            .where('incidents.source', '=', after)
            .orderBy('incidents.opened_at')
            .orderBy('incidents.id')
            .limit(limit)
            .execute()
        )
      return alternate(lines, limit).map(toIncident)
    },

    async admissionRoom(now) {
      const known = await sourcesOf({ query: db }, 'admission')
      const inLine = new Set<string>()
      for (const { source } of known) if ((await lineOf(db, source).select('id').limit(1).execute()).length > 0) inLine.add(source)
      const left = new Map(known.map(({ source, free_at }) => [source, leftOf(free_at, now)]))
      return { of: source => (inLine.has(source) ? 0 : (left.get(source) ?? ADMITTED_AT_ONCE)), anyInLine: inLine.size > 0 }
    },

    getInLine: placed =>
      transaction(async tx => {
        await takeTurn(tx, 'admission')
        const lanes = placed.map(({ incident, target }) => ({
          source: incident.source,
          target: target === undefined ? null : targetKey(target)
        }))
        await knowSources(
          tx,
          'admission',
          lanes.map(lane => lane.source)
        )
        const served = new Map((await sourcesOf(tx, 'admission')).map(({ source, turn }) => [source, turn]))
        const turns = turnsOf(lanes, await lastTurns(tx, lanes), served)
        await tx.updateIncidents(
          placed.map(({ incident }, index) => ({ id: incident.id, turn: turns[index] ?? 0, target_key: lanes[index]?.target ?? null }))
        )
      }),

    nextInLine: (now, limit) =>
      transaction(async tx => {
        await takeTurn(tx, 'admission')
        const sources = await sourcesOf(tx, 'admission')
        const lines: IncidentRow[][] = []
        for (const { source, free_at } of sources) {
          const left = Math.min(limit, leftOf(free_at, now))
          if (left > 0)
            lines.push(
              await wholeIncidents(tx.query)
                .where('incidents.admitted_at', 'is', null)
                .where('incidents.turn', 'is not', null)
                .where('incidents.source', '=', source)
                .orderBy('incidents.turn')
                .orderBy('incidents.opened_at')
                .limit(left)
                .execute()
            )
        }
        const taken = alternate(lines, limit)
        await keepServed(
          tx,
          'admission',
          sources,
          taken.map(({ source, turn }) => ({ source, turn: turn ?? 0 }))
        )
        return taken.map(toIncident)
      }),

    async incidentsInLine() {
      const row = await db
        .selectFrom('incidents')
        .select(eb => eb.fn.countAll<number>().as('count'))
        .where('admitted_at', 'is', null)
        .where('turn', 'is not', null)
        .executeTakeFirstOrThrow()
      return Number(row.count)
    }
  }
}

/** Counts admitted incidents against the allowances of their sources. */
export async function useAllowance(tx: LedgerTransaction, sources: readonly string[], now: number): Promise<void> {
  const counts = new Map<string, number>()
  for (const source of sources) counts.set(source, (counts.get(source) ?? 0) + 1)
  await knowSources(tx, 'admission', counts.keys())
  for (const [source, count] of counts)
    await tx.query
      .updateTable('queues')
      .set(eb => ({
        free_at: eb(eb.case().when('free_at', '>', now).then(eb.ref('free_at')).else(now).end(), '+', count * ADMITTED_EVERY_MS)
      }))
      .where('name', '=', 'admission')
      .where('source', '=', source)
      .execute()
}

function leftOf(freeAt: number, now: number): number {
  return Math.floor((now + ADMITTED_AT_ONCE * ADMITTED_EVERY_MS - Math.max(freeAt, now)) / ADMITTED_EVERY_MS)
}

/** The incidents that came and stand in no line yet. */
function arrived(db: Database['db']) {
  return db.selectFrom('incidents').where('admitted_at', 'is', null).where('turn', 'is', null)
}

/** The next source, in the order of the names, that has an incident which stands in no line yet. */
async function nextSource(db: Database['db'], after: string | undefined): Promise<string | undefined> {
  const later = after === undefined ? arrived(db) : arrived(db).where('source', '>', after)
  return (await later.select('source').orderBy('source').limit(1).executeTakeFirst())?.source
}

function lineOf(db: Database['db'], source: string) {
  return db.selectFrom('incidents').where('admitted_at', 'is', null).where('turn', 'is not', null).where('source', '=', source)
}

/** The last turn that is taken in each of these lanes. */
async function lastTurns(tx: LedgerTransaction, lanes: readonly { readonly source: string; readonly target: string | null }[]) {
  const last = new Map<string, number>()
  for (const source of new Set(lanes.map(lane => lane.source))) {
    const targets = [...new Set(lanes.flatMap(lane => (lane.source === source ? [lane.target ?? ''] : [])))]
    for (const part of slices(targets)) {
      const rows = await lineOf(tx.query, source)
        .select(['target_key', eb => eb.fn.max('turn').as('turn')])
        .where(eb => eb.or([eb('target_key', 'in', part), ...(part.includes('') ? [eb('target_key', 'is', null)] : [])]))
        .groupBy('target_key')
        .execute()
      for (const { target_key, turn } of rows) last.set(laneKey({ source, target: target_key }), Number(turn ?? 0))
    }
  }
  return last
}
