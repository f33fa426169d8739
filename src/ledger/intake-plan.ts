import { labelsIdentity } from '../base/hashes.ts'
import type { AuditEntry } from '../domain/audit.ts'
import { audited } from '../domain/audited.ts'
import { type Alert, type Delivery, type IncidentAnswer, incidentEvent } from '../domain/incident.ts'
import type { Tables } from './tables.ts'

/** What must be known of an incident to tell what an alert does to it. */
export type KnownIncident = Pick<
  Tables['incidents'],
  'id' | 'source' | 'identity' | 'state' | 'episode_starts_at' | 'resolved_at' | 'reopened' | 'last_seen_at'
>

/** What a batch of deliveries does to the ledger. */
export interface IntakePlan {
  readonly fresh: readonly Tables['incidents'][]
  /** Only the time last seen moves. */
  readonly seen: readonly KnownIncident[]
  readonly changed: readonly KnownIncident[]
  /** Incidents whose waiting runs are looked at again at once. */
  readonly due: ReadonlySet<string>
  readonly reopened: readonly string[]
  readonly audit: readonly AuditEntry[]
  /** One list a delivery, in order. */
  readonly answers: readonly (readonly IncidentAnswer[])[]
  readonly now: number
}

interface Draft {
  /** As it is after the alerts so far. */
  readonly row: KnownIncident
  /** Set where the incident is new: the whole row. */
  readonly fresh?: Tables['incidents']
  change: 'none' | 'seen' | 'state'
}

/** Pure, so that every database decides alike: `known` answers with the newest incident of a source and identity. */
export function planIntake(
  deliveries: readonly Delivery[],
  known: (source: string, identity: string) => KnownIncident | undefined,
  nextId: () => string
): IntakePlan {
  const drafts = new Map<string, Draft>()
  const audit: AuditEntry[] = []
  const due = new Set<string>()
  const answers = deliveries.map(delivery =>
    delivery.alerts.map(alert => {
      const identity = labelsIdentity(alert.labels)
      const key = draftKey(delivery.source, identity)
      if (!drafts.has(key)) {
        const row = known(delivery.source, identity)
        if (row !== undefined) drafts.set(key, { row, change: 'none' })
      }
      const answer = apply(drafts, delivery, alert, identity, nextId, audit)
      // A waiting run is looked at again at each heartbeat, and at once when its alert resolved (rules 6).
      if (answer.state === 'heartbeat' || answer.state === 'resolved' || answer.state === 'reopened') due.add(answer.id)
      return answer
    })
  )
  const all = [...drafts.values()]
  const old = all.filter(draft => draft.fresh === undefined)
  return {
    fresh: all.flatMap(draft => draft.fresh ?? []),
    seen: old.filter(draft => draft.change === 'seen').map(draft => draft.row),
    changed: old.filter(draft => draft.change === 'state').map(draft => draft.row),
    due,
    reopened: answers.flat().flatMap(answer => (answer.state === 'reopened' ? [answer.id] : [])),
    audit,
    answers,
    now: Math.max(...deliveries.map(delivery => delivery.receivedAt))
  }
}

function draftKey(source: string, identity: string): string {
  return `${source}\n${identity}`
}

function apply(
  drafts: Map<string, Draft>,
  delivery: Delivery,
  alert: Alert,
  identity: string,
  nextId: () => string,
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
    const row = openIncident(nextId(), delivery, alert, identity)
    drafts.set(key, { row, fresh: row, change: 'none' })
    const { labels, startsAt } = alert
    audit.push(
      audited.incidentOpened({ at: now, incidentId: row.id }, { source: delivery.source, labels, startsAt, delivery: delivery.id })
    )
    return { id: row.id, state: 'opened' }
  }
  const { row } = draft
  if (event === 'ignored') return { id: row.id, state: event }
  row.last_seen_at = now
  draft.change = event === 'heartbeat' && draft.change !== 'state' ? 'seen' : 'state'
  if (event === 'resolved') {
    row.state = 'resolved'
    row.resolved_at = now
    audit.push(audited.incidentResolved({ at: now, incidentId: row.id }, { delivery: delivery.id }))
  } else if (event === 'reopened') {
    row.state = 'open'
    row.resolved_at = null
    row.episode_starts_at = alert.startsAt
    row.reopened += 1
    const told = { delivery: delivery.id, startsAt: alert.startsAt, times: row.reopened }
    audit.push(audited.incidentReopened({ at: now, incidentId: row.id }, told))
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
    told_at: null,
    reopened: 0,
    admitted_at: null,
    target_key: null,
    target_uid: null
  }
}
