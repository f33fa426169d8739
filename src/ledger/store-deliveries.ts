import { ALERT_LIMITS, type AlertLimit } from '../domain/alert-limits.ts'
import type { AuditEntry } from '../domain/audit.ts'
import { audited } from '../domain/audited.ts'
import type { Delivery, IncidentAnswer } from '../domain/incident.ts'
import { followIncidents } from './affair-turns.ts'
import type { KnownIncident } from './alert-effect.ts'
import { appendAudit } from './audit-chain.ts'
import { noteHeard } from './blindness.ts'
import type { LedgerTransaction } from './database.ts'
import { type IncidentKey, keyed, keysOf, planIntake } from './intake-plan.ts'
import { keepRawCopies, type PackedDelivery } from './raw-copies.ts'
import { inStretches } from './stretches.ts'
import { reopenRunsOf, wakeParkedOf, wakeRunsOf } from './waking.ts'

/** How many refused alerts the audit log names. All are in the raw copy. */
const NAMED = 3

/**
 * Stores a batch of deliveries and what they do to incidents and runs: the hot path of a storm.
 * @param ids identifiers for new incidents, one for each alert
 * @returns one list of answers a delivery, in order
 */
export async function storeDeliveries(
  tx: LedgerTransaction,
  deliveries: readonly PackedDelivery[],
  ids: readonly string[]
): Promise<readonly (readonly IncidentAnswer[])[]> {
  await keepRawCopies(tx, deliveries)
  await noteHeard(tx, deliveries)
  const received = keyed(deliveries)
  const plan = planIntake(received, await newest(tx, keysOf(received)), ids)
  await inStretches(plan.labelSets, some => tx.keepLabelSets(some))
  await inStretches(plan.fresh, some => tx.insertMany('incidents', some))
  await inStretches(plan.seen, some => tx.updateIncidents(some.map(({ id, last_seen_at }) => ({ id, last_seen_at }))))
  await inStretches(plan.changed, some => tx.updateIncidents(some))
  await wakeRunsOf(tx, plan.due, plan.now)
  await wakeParkedOf(
    tx,
    plan.changed.filter(row => row.state !== 'open').map(row => row.id),
    plan.now
  )
  const reopened = await reopenRunsOf(tx, plan.reopened, plan.now)
  await followIncidents(
    tx,
    plan.changed.filter(row => row.state !== 'open' || plan.reopened.has(row.id)).map(row => row.id),
    plan.now
  )
  await appendAudit(tx, [...deliveries.flatMap(refusedEntries), ...plan.audit, ...reopened])
  return plan.answers
}

async function newest(tx: LedgerTransaction, keys: ReadonlyMap<string, IncidentKey>): Promise<ReadonlyMap<string, KnownIncident>> {
  const found = new Map<string, KnownIncident>()
  // In one order everywhere, so that two handles that lock the same keys never wait for each other.
  const ordered = [...keys].sort(([one], [other]) => (one < other ? -1 : 1))
  await inStretches(ordered, async some => {
    for (const [key, incident] of await tx.newestIncidents(new Map(some))) found.set(key, incident)
  })
  return found
}

/** One entry for each limit that alerts of the delivery are over: an entry an alert would let a sender fill the log. */
function refusedEntries({ id, receivedAt, source, refused }: Delivery): AuditEntry[] {
  const byLimit = new Map<AlertLimit, string[]>()
  for (const { limit, which } of refused) byLimit.set(limit, [...(byLimit.get(limit) ?? []), which])
  return [...byLimit].map(([limit, which]) =>
    audited.alertsRefused(
      { at: receivedAt },
      { source, delivery: id, limit, allowed: ALERT_LIMITS[limit], count: which.length, first: which.slice(0, NAMED) }
    )
  )
}
