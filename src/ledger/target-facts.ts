import type { Kysely } from 'kysely'
import { DAY } from '../base/clock.ts'
import type { DeployMarker } from '../domain/change.ts'
import type { HandedOver } from '../domain/hand-over.ts'
import { type ObjectRef, targetKey } from '../domain/objects.ts'
import type { TargetFacts } from '../domain/ports/ledger.ts'
import { passedBy } from './deploy-guards.ts'
import { stored, toIntent } from './rows.ts'
import type { Tables } from './tables.ts'

/** Reads what the ledger knows of a target, from the view of the run that asks. */
export async function targetFacts(
  db: Kysely<Tables>,
  { target, also, runId }: { readonly target: ObjectRef; readonly also: readonly string[]; readonly runId: string },
  now: number
): Promise<TargetFacts> {
  const key = targetKey(target)
  const lastRun = await db
    .selectFrom('runs')
    .select(['id', 'ended_at'])
    .where('target_key', '=', key)
    .where('wrote', '=', 1)
    .where('state', '=', 'ended')
    .where('id', '<>', runId)
    .orderBy('ended_at', 'desc')
    .executeTakeFirst()
  const lock = await db
    .selectFrom('locks')
    .select('run_id')
    .where('target_key', 'in', [key, ...also])
    .orderBy(eb => eb.case().when('run_id', '=', runId).then(1).else(0).end())
    .executeTakeFirst()
  const markers = await db
    .selectFrom('deploy_markers')
    .select('marker_json')
    .where('of_key', 'in', [key, ...also])
    .where('at', '>', now - DAY)
    .orderBy('at', 'desc')
    .limit(50)
    .execute()
  const bad = await db.selectFrom('bad_templates').select(['identity', 'at', 'run_id']).where('target_key', '=', key).execute()
  // Two hundred is far more than the versions that a target's controller keeps.
  const observed = await db
    .selectFrom('observed_templates')
    .select(['uid', 'identity', 'at', 'seen'])
    .where('target_key', '=', key)
    .orderBy('seq', 'desc')
    .limit(200)
    .execute()
  // All of them: whoever can post alerts must not push the real one out of what is looked at.
  const incidents = await db
    .selectFrom('incidents')
    .select(['symptom_since', 'resolved_at'])
    .distinct()
    .where('target_key', '=', key)
    .where('verified_at', 'is not', null)
    .execute()
  const recovered = await db
    .selectFrom('runs')
    .select(eb => eb.fn.max('ended_at').as('at'))
    .where('target_key', '=', key)
    .where('outcome', '=', 'recovered')
    .executeTakeFirst()
  const hand = await inHand(db, key, runId)
  const own = await db
    .selectFrom('intents')
    .selectAll()
    .where('run_id', '=', runId)
    .where('state', 'in', ['applied', 'unknown', 'pending'])
    .execute()
  return {
    ...(lastRun?.ended_at == null ? {} : { lastRun: { id: lastRun.id, endedAt: lastRun.ended_at } }),
    ...(lock === undefined ? {} : { lockedBy: lock.run_id }),
    bad: bad.map(row => ({ identity: row.identity, at: row.at, runId: row.run_id })),
    observed: observed.reverse().map(row => ({ uid: row.uid, identity: row.identity, at: row.at, seen: row.seen === 1 })),
    // Both columns are set together. A start that is missing would be one that nobody knows: it counts as the earliest.
    incidents: incidents.map(row => ({ from: row.symptom_since ?? 0, ...(row.resolved_at === null ? {} : { to: row.resolved_at }) })),
    ...(recovered?.at == null ? {} : { recoveredAt: recovered.at }),
    ownWrites: own.flatMap(madeBy),
    passed: await passedBy(db, key),
    ...(hand === undefined ? {} : { inHand: hand }),
    markers: markers.map(row => stored<DeployMarker>(row.marker_json))
  }
}

/** Who has taken over another affair of the target: its alert goes on, or its run does. */
async function inHand(db: Kysely<Tables>, key: string, runId: string): Promise<HandedOver | undefined> {
  const row = await db
    .selectFrom('runs')
    .leftJoin('incidents', 'incidents.id', 'runs.incident_id')
    .select('handed_json')
    .where('runs.target_key', '=', key)
    .where('handed_json', 'is not', null)
    .where('runs.id', '<>', runId)
    .where(eb => eb.or([eb('incidents.state', '=', 'open'), eb.and([eb('runs.incident_id', 'is', null), eb('runs.state', '<>', 'ended')])]))
    .limit(1)
    .executeTakeFirst()
  return row?.handed_json == null ? undefined : stored<HandedOver>(row.handed_json)
}

/** The versions that a write made and that were not there before. A restart or a scale makes no other version. */
function madeBy(row: Tables['intents']): string[] {
  const { plan, left } = toIntent(row)
  // The server may have made another template of it than was planned.
  const identities = new Set([plan.to, left].filter(identity => identity !== undefined && identity !== plan.from))
  return [...identities, ...(plan.makes === undefined ? [] : [plan.makes])].filter(made => made !== undefined)
}
