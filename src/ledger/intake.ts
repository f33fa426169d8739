import type { Kysely, Transaction } from 'kysely'
import type { AuditEntry } from '../domain/audit.ts'
import type { Ids } from '../domain/clock.ts'
import { labelsIdentity } from '../domain/hashes.ts'
import { type Alert, type Delivery, type IncidentAnswer, incidentEvent } from '../domain/incident.ts'
import type { IntakeLedger } from '../domain/ledger.ts'
import { appendAudit } from './audit-chain.ts'
import type { BulkRows, KnownIncident } from './bulk.ts'
import { slices } from './rows.ts'
import type { Tables } from './tables.ts'

interface Waiting {
  readonly delivery: Delivery
  readonly resolve: (answers: readonly IncidentAnswer[]) => void
  readonly reject: (cause: unknown) => void
}

/** Alerts in one commit: some 50 ms of work, so that one sender's flood does not hold up another's answer for long. */
const ALERTS_PER_COMMIT = 2_000

/** Group commit: whatever came in while the last commit was written goes into the next one together. */
export function createIntake(db: Kysely<Tables>, bulk: BulkRows, ids: Ids): IntakeLedger {
  let queue: Waiting[] = []
  let running = false

  async function drain(): Promise<void> {
    running = true
    while (queue.length > 0) {
      const batch = takeBatch()
      try {
        const answers = await db.transaction().execute(transaction =>
          storeDeliveries(
            transaction,
            bulk,
            batch.map(waiting => waiting.delivery),
            ids
          )
        )
        for (const [index, waiting] of batch.entries()) waiting.resolve(answers[index] ?? [])
      } catch (cause) {
        for (const waiting of batch) waiting.reject(cause)
      }
    }
    running = false
  }

  function takeBatch(): Waiting[] {
    let alerts = 0
    const end = queue.findIndex(waiting => {
      alerts += waiting.delivery.alerts.length
      return alerts > ALERTS_PER_COMMIT
    })
    const count = end === -1 ? queue.length : Math.max(1, end)
    const batch = queue.slice(0, count)
    queue = queue.slice(count)
    return batch
  }

  return {
    receive: delivery =>
      new Promise((resolve, reject) => {
        queue.push({ delivery, resolve, reject })
        // After this turn of the event loop, so that requests that arrived together share a commit.
        if (!running) {
          running = true
          setImmediate(() => void drain())
        }
      }),
    pending: () => queue.length
  }
}

interface Draft {
  /** As it is after the alerts so far. */
  readonly row: KnownIncident
  /** Set where the incident is new: the whole row. */
  readonly fresh?: Tables['incidents']
  change: 'none' | 'seen' | 'state'
}

async function storeDeliveries(
  transaction: Transaction<Tables>,
  bulk: BulkRows,
  deliveries: readonly Delivery[],
  ids: Ids
): Promise<IncidentAnswer[][]> {
  await bulk.insert(
    transaction,
    'deliveries',
    deliveries.map(({ id, receivedAt, source, raw }) => ({ id, received_at: receivedAt, source, raw }))
  )
  const identified = deliveries.map(delivery => ({
    delivery,
    alerts: delivery.alerts.map(alert => ({ alert, identity: labelsIdentity(alert.labels) }))
  }))
  const drafts = await newestIncidents(transaction, bulk, identified)
  const audit: AuditEntry[] = []
  const due = new Set<string>()
  const answers = identified.map(({ delivery, alerts }) =>
    alerts.map(({ alert, identity }) => {
      const answer = apply(drafts, delivery, alert, identity, ids, audit)
      if (answer.state === 'heartbeat' || answer.state === 'resolved' || answer.state === 'reopened') due.add(answer.id)
      return answer
    })
  )
  await writeIncidents(transaction, bulk, [...drafts.values()])
  const now = Math.max(...deliveries.map(delivery => delivery.receivedAt))
  // A waiting run is looked at again at each heartbeat, and at once when its alert resolved (rules 6).
  await bulk.wake(transaction, due, now)
  await reopenRuns(transaction, answers.flat(), now, audit)
  await appendAudit(transaction, audit, bulk)
  return answers
}

async function newestIncidents(
  transaction: Transaction<Tables>,
  bulk: BulkRows,
  identified: readonly { readonly delivery: Delivery; readonly alerts: readonly { readonly identity: string }[] }[]
): Promise<Map<string, Draft>> {
  const wanted = new Map(
    identified.flatMap(({ delivery: { source }, alerts }) =>
      alerts.map(({ identity }) => [draftKey(source, identity), { source, identity }] as const)
    )
  )
  const rows = await bulk.newestIncidents(transaction, [...wanted.values()])
  return new Map(rows.map(row => [draftKey(row.source, row.identity), { row, change: 'none' }]))
}

function draftKey(source: string, identity: string): string {
  return `${source}\n${identity}`
}

function apply(
  drafts: Map<string, Draft>,
  delivery: Delivery,
  alert: Alert,
  identity: string,
  ids: Ids,
  audit: AuditEntry[]
): IncidentAnswer {
  const key = draftKey(delivery.source, identity)
  const draft = drafts.get(key)
  const now = delivery.receivedAt
  const event = incidentEvent(
    draft === undefined
      ? undefined
      : {
          state: draft.row.state === 'open' ? 'open' : draft.row.state === 'resolved' ? 'resolved' : 'expired',
          episodeStartsAt: draft.row.episode_starts_at,
          ...(draft.row.resolved_at === null ? {} : { resolvedAt: draft.row.resolved_at })
        },
    alert,
    now
  )
  if (event === 'opened' || draft === undefined) {
    // A `resolved` for an alert never seen firing: there is nothing to open or close.
    if (event !== 'opened') return { id: '', state: 'ignored' }
    const row = openIncident(ids.next(), delivery, alert, identity)
    drafts.set(key, { row, fresh: row, change: 'none' })
    audit.push({
      at: now,
      kind: 'incident-opened',
      incidentId: row.id,
      body: { source: delivery.source, labels: alert.labels, startsAt: alert.startsAt, delivery: delivery.id }
    })
    return { id: row.id, state: 'opened' }
  }
  const { row } = draft
  if (event === 'ignored') return { id: row.id, state: event }
  row.last_seen_at = now
  draft.change = event === 'heartbeat' && draft.change !== 'state' ? 'seen' : 'state'
  if (event === 'resolved') {
    row.state = 'resolved'
    row.resolved_at = now
    audit.push({ at: now, kind: 'incident-resolved', incidentId: row.id, body: { delivery: delivery.id } })
  } else if (event === 'reopened') {
    row.state = 'open'
    row.resolved_at = null
    row.episode_starts_at = alert.startsAt
    row.reopened += 1
    audit.push({
      at: now,
      kind: 'incident-reopened',
      incidentId: row.id,
      body: { delivery: delivery.id, startsAt: alert.startsAt, times: row.reopened }
    })
  }
  return { id: row.id, state: event }
}

function openIncident(id: string, delivery: Delivery, alert: Alert, identity: string): Tables['incidents'] {
  return {
    id,
    source: delivery.source,
    identity,
    labels_json: JSON.stringify(alert.labels),
    annotations_json: JSON.stringify(alert.annotations),
    starts_at: alert.startsAt,
    episode_starts_at: alert.startsAt,
    opened_at: delivery.receivedAt,
    last_seen_at: delivery.receivedAt,
    resolved_at: null,
    state: 'open',
    generator_url: alert.generatorUrl,
    external_url: delivery.externalUrl,
    request_json: delivery.request === undefined ? null : JSON.stringify(delivery.request),
    told_at: null,
    reopened: 0,
    admitted_at: null,
    target_key: null,
    target_uid: null
  }
}

async function writeIncidents(transaction: Transaction<Tables>, bulk: BulkRows, drafts: readonly Draft[]): Promise<void> {
  await bulk.insert(
    transaction,
    'incidents',
    drafts.flatMap(draft => draft.fresh ?? [])
  )
  const known = drafts.filter(draft => draft.fresh === undefined)
  // A heartbeat moves only the time last seen.
  await bulk.seen(
    transaction,
    known.filter(draft => draft.change === 'seen').map(draft => draft.row)
  )
  for (const { row, change } of known) {
    if (change !== 'state') continue
    const { id, state, resolved_at, episode_starts_at, reopened, last_seen_at } = row
    await transaction
      .updateTable('incidents')
      .set({ state, resolved_at, episode_starts_at, reopened, last_seen_at })
      .where('id', '=', id)
      .execute()
  }
}

/** A run that ended only because its alert went away is taken up again when the alert is back: same incident, same clock. */
async function reopenRuns(
  transaction: Transaction<Tables>,
  answers: readonly IncidentAnswer[],
  now: number,
  audit: AuditEntry[]
): Promise<void> {
  const reopened = answers.filter(answer => answer.state === 'reopened').map(answer => answer.id)
  for (const part of slices(reopened)) {
    const runs = await transaction
      .updateTable('runs')
      .set({ state: 'waiting', outcome: null, reason: null, detail: null, ended_at: null, next_at: now })
      .where('incident_id', 'in', part)
      .where('state', '=', 'ended')
      .where('outcome', '=', 'resolved')
      .where('wrote', '=', 0)
      .returning(['id', 'incident_id'])
      .execute()
    // One that was repaired and is back is for the admission to look at: people are told, nothing is written again.
    await transaction
      .updateTable('incidents')
      .set({ admitted_at: null })
      .where('id', 'in', eb =>
        eb
          .selectFrom('runs')
          .select('incident_id')
          .where('incident_id', 'in', part)
          .where('state', '=', 'ended')
          .where('wrote', '=', 1)
          .$castTo<string>()
      )
      .where('told_at', 'is', null)
      .execute()
    for (const run of runs)
      audit.push({
        at: now,
        kind: 'run-reopened',
        runId: run.id,
        ...(run.incident_id === null ? {} : { incidentId: run.incident_id }),
        body: { why: 'the alert fires again' }
      })
  }
}
