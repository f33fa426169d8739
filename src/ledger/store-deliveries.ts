import type { Delivery, IncidentAnswer } from '../domain/incident.ts'
import { appendAudit } from './audit-chain.ts'
import type { LedgerTransaction } from './database.ts'
import { keyed, keysOf, planIntake } from './intake-plan.ts'
import { reopenRunsOf, wakeParkedOf, wakeRunsOf } from './waking.ts'

/**
 * Stores a batch of deliveries and what they do to incidents and runs: the hot path of a storm.
 * @param ids identifiers for new incidents, one for each alert
 * @returns one list of answers a delivery, in order
 */
export async function storeDeliveries(
  tx: LedgerTransaction,
  deliveries: readonly Delivery[],
  ids: readonly string[]
): Promise<readonly (readonly IncidentAnswer[])[]> {
  await tx.insertMany(
    'deliveries',
    deliveries.map(({ id, receivedAt, source, raw }) => ({ id, received_at: receivedAt, source, raw }))
  )
  const received = keyed(deliveries)
  const plan = planIntake(received, await tx.newestIncidents(keysOf(received)), ids)
  await tx.insertMany('incidents', plan.fresh)
  await tx.updateIncidents(plan.seen.map(({ id, last_seen_at }) => ({ id, last_seen_at })))
  await tx.updateIncidents(plan.changed)
  await wakeRunsOf(tx, plan.due, plan.now)
  await wakeParkedOf(
    tx,
    plan.changed.filter(row => row.state !== 'open').map(row => row.id),
    plan.now
  )
  const reopened = await reopenRunsOf(tx, plan.reopened, plan.now)
  await appendAudit(tx, [...plan.audit, ...reopened])
  return plan.answers
}
