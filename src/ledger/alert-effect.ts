import type { AuditEntry } from '../domain/audit.ts'
import { audited } from '../domain/audited.ts'
import { type Alert, type Delivery, type IncidentAnswer, incidentEvent } from '../domain/incident.ts'
import { OWN_LABEL } from '../domain/message.ts'
import { toIncidentState } from './rows.ts'
import type { Tables } from './tables.ts'

/** What must be known of an incident to decide what an alert does to it. */
export type KnownIncident = Readonly<
  Pick<
    Tables['incidents'],
    'id' | 'state' | 'starts_at' | 'episode_starts_at' | 'resolved_at' | 'reopened' | 'last_seen_at' | 'later_start' | 'later_start_look'
  >
>

/** An incident as the earlier alerts of the same batch leave it. */
export type IncidentDraft =
  | { readonly kind: 'fresh'; readonly row: Readonly<Tables['incidents']>; readonly labels: Alert['labels'] }
  | { readonly kind: 'known'; readonly row: KnownIncident; readonly change: 'none' | 'seen' | 'state' }

/** One alert that came in. */
export interface Arrival {
  readonly delivery: Delivery
  readonly alert: Alert
  readonly identity: string
  /** The identifier of the incident that the alert opens, if it opens one. */
  readonly freshId: string
}

/** What one alert does to the newest incident of its source and identity. */
export interface AlertEffect {
  readonly answer: IncidentAnswer
  /** Absent where the incident stays as it is. */
  readonly draft?: IncidentDraft
  readonly audit?: AuditEntry
}

/** Decides what one alert does. Pure. @param before the newest incident of the same source and identity */
export function effectOf(before: IncidentDraft | undefined, arrival: Arrival): AlertEffect {
  const { delivery, alert } = arrival
  const now = delivery.receivedAt
  // What Astern itself posts to Alertmanager comes back where a route sends it here. It is no news.
  if (alert.labels[OWN_LABEL] !== undefined) return { answer: { id: '', state: 'ignored' } }
  // Of the one that always fires, only that it came is of interest.
  if (alert.watchdog === true) return { answer: { id: '', state: 'ignored' } }
  const event = incidentEvent(before === undefined ? undefined : episodeOf(before.row), alert, now)
  if (event === 'opened') return open(arrival)
  // For a `resolved` of an alert that Astern never saw firing there is nothing to open or close.
  if (before === undefined) return { answer: { id: '', state: 'ignored' } }
  const { id, reopened } = before.row
  const answer: IncidentAnswer = { id, state: event }
  switch (event) {
    case 'ignored':
      return { answer }
    case 'heartbeat':
      return { answer, draft: heartbeat(before, arrival) }
    case 'resolved':
      return {
        answer,
        draft: changed(before, { last_seen_at: now, state: 'resolved', resolved_at: now }, 'state'),
        audit: audited.incidentResolved({ at: now, incidentId: id }, { delivery: delivery.id })
      }
    case 'reopened': {
      const times = reopened + 1
      return {
        answer,
        draft: changed(
          before,
          { last_seen_at: now, state: 'open', resolved_at: null, episode_starts_at: startOf(arrival), reopened: times },
          'state'
        ),
        audit: audited.incidentReopened({ at: now, incidentId: id }, { delivery: delivery.id, startsAt: alert.startsAt, times })
      }
    }
  }
}

/** No alert fires before it was sent, whatever it says: a start in the future would make every true `resolved` a late one. */
function startOf({ delivery, alert }: Pick<Arrival, 'delivery' | 'alert'>): number {
  return Math.min(alert.startsAt, delivery.receivedAt)
}

/** A second replica of the source, or one that was restarted, may know of another start. The earliest one is kept and shown. */
function heartbeat(before: IncidentDraft, arrival: Arrival): IncidentDraft {
  const now = arrival.delivery.receivedAt
  const start = startOf(arrival)
  const { starts_at, episode_starts_at, later_start } = before.row
  if (start < episode_starts_at)
    return changed(before, { last_seen_at: now, episode_starts_at: start, starts_at: Math.min(starts_at, start) }, 'state')
  // Where its run has ended, this may be the next episode: a restarted Alertmanager sends no `resolved`. The queries decide.
  if (start > episode_starts_at && start !== later_start)
    return changed(before, { last_seen_at: now, later_start: start, later_start_look: now }, 'state')
  return changed(before, { last_seen_at: now }, 'seen')
}

function episodeOf(row: KnownIncident): NonNullable<Parameters<typeof incidentEvent>[0]> {
  return {
    state: toIncidentState(row.state),
    episodeStartsAt: row.episode_starts_at,
    ...(row.resolved_at === null ? {} : { resolvedAt: row.resolved_at })
  }
}

/** Makes the next draft. A heartbeat does not undo a change of state that came earlier in the batch. */
function changed(before: IncidentDraft, values: Partial<KnownIncident>, change: 'seen' | 'state'): IncidentDraft {
  return before.kind === 'fresh'
    ? { ...before, row: { ...before.row, ...values } }
    : { kind: 'known', row: { ...before.row, ...values }, change: before.change === 'state' ? 'state' : change }
}

function open({ delivery, alert, identity, freshId }: Arrival): AlertEffect {
  const row: Tables['incidents'] = {
    id: freshId,
    source: delivery.source,
    identity,
    annotations_json: JSON.stringify(alert.annotations),
    starts_at: alert.startsAt,
    episode_starts_at: startOf({ delivery, alert }),
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
    verified_at: null,
    symptom_since: null,
    later_start: null,
    later_start_look: null,
    turn: null
  }
  return {
    answer: { id: row.id, state: 'opened' },
    draft: { kind: 'fresh', row, labels: alert.labels },
    audit: audited.incidentOpened(
      { at: delivery.receivedAt, incidentId: row.id },
      { source: delivery.source, labels: alert.labels, startsAt: alert.startsAt, delivery: delivery.id }
    )
  }
}
