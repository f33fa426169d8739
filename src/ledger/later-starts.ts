import type { Ids } from '../base/clock.ts'
import { audited } from '../domain/audited.ts'
import type { EpisodeLedger } from '../domain/ports/episode-ledger.ts'
import { followIncidents } from './affair-turns.ts'
import { appendAudit } from './audit-chain.ts'
import type { Database, LedgerTransaction } from './database.ts'
import { wholeIncidents } from './incident-rows.ts'
import { stored, toIncident } from './rows.ts'
import type { Tables } from './tables.ts'

/** Open incidents whose run has ended, and of which a sender says that they began to fire once more (rules 1). */
export function createEpisodes({ db, transaction }: Database, ids: Ids): EpisodeLedger {
  return {
    async laterStarts(now, limit) {
      const rows = await wholeIncidents(db)
        .innerJoin('runs', 'runs.incident_id', 'incidents.id')
        .select('runs.ended_at as run_ended_at')
        .where('incidents.later_start', 'is not', null)
        .where('incidents.later_start_look', '<=', now)
        .where('incidents.state', '=', 'open')
        .where('runs.state', '=', 'ended')
        .orderBy('incidents.later_start_look')
        .limit(limit)
        .execute()
      return rows.map(({ run_ended_at, ...row }) => ({
        incident: toIncident(row),
        endedAt: run_ended_at ?? now,
        start: row.later_start ?? now
      }))
    },

    async lookLater(incidentId, at) {
      await db.updateTable('incidents').set({ later_start_look: at }).where('id', '=', incidentId).execute()
    },

    sameEpisode: ({ incident, start }) =>
      transaction(async tx => {
        await tx.query
          .updateTable('incidents')
          .set({ later_start: null, later_start_look: null })
          .where('id', '=', incident.id)
          .where('later_start', '=', start)
          .execute()
      }),

    nextEpisode: (incidentId, now) =>
      transaction(async tx => {
        const [row] = await tx.query
          .updateTable('incidents')
          .set({ state: 'expired', resolved_at: now })
          .where('id', '=', incidentId)
          .where('state', '=', 'open')
          .returningAll()
          .execute()
        if (row === undefined) return
        const next: Tables['incidents'] = {
          ...row,
          id: ids.next(),
          starts_at: row.later_start ?? now,
          episode_starts_at: row.later_start ?? now,
          opened_at: now,
          last_seen_at: now,
          resolved_at: null,
          state: 'open',
          told_at: null,
          reopened: 0,
          admitted_at: null,
          target_key: null,
          verified_at: null,
          symptom_since: null,
          turn: null,
          later_start: null,
          later_start_look: null
        }
        await tx.insertMany('incidents', [next])
        await followIncidents(tx, [incidentId], now)
        await appendAudit(tx, [
          audited.incidentExpired({ at: now, incidentId }, { why: `it began to fail once more: incident ${next.id}` }),
          audited.incidentOpened(
            { at: now, incidentId: next.id },
            { source: row.source, labels: await labelsOf(tx, row), startsAt: next.starts_at, follows: incidentId }
          )
        ])
      })
  }
}

async function labelsOf(tx: LedgerTransaction, { source, identity }: Tables['incidents']): Promise<Readonly<Record<string, string>>> {
  const row = await tx.query
    .selectFrom('label_sets')
    .select('labels_json')
    .where('source', '=', source)
    .where('identity', '=', identity)
    .executeTakeFirstOrThrow()
  return stored<Record<string, string>>(row.labels_json)
}
