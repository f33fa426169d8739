/** One element of a sender's payload, parsed. Instants are epoch milliseconds. */
export interface Alert {
  readonly status: 'firing' | 'resolved'
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly startsAt: number
  /** Absent while firing (Alertmanager writes year 1). */
  readonly endsAt?: number
  readonly generatorUrl: string
}

/** What a sender posted at once; durable before it is acknowledged. */
export interface Delivery {
  readonly id: string
  readonly receivedAt: number
  /** The credential's name, or the `source` its token carries: two Alertmanager peers may share one. */
  readonly source: string
  readonly externalUrl: string
  readonly receiver: string
  readonly groupKey: string
  readonly truncated: number
  readonly alerts: readonly Alert[]
  /** The body as received, kept for seven days. */
  readonly raw: string
}

export const INCIDENT_EVENTS = ['opened', 'heartbeat', 'reopened', 'resolved', 'ignored'] as const
export type IncidentEvent = (typeof INCIDENT_EVENTS)[number]

export interface IncidentAnswer {
  readonly id: string
  readonly state: IncidentEvent
}

export type IncidentState = 'open' | 'resolved' | 'expired'

/** One episode of one alert on one source: a row that Astern owns. */
export interface Incident {
  readonly id: string
  readonly source: string
  readonly identity: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  /** When the first episode began to fire: blame never moves with flapping. */
  readonly startsAt: number
  /** When the episode that is open now began to fire; late `resolved` duplicates are told by it. */
  readonly episodeStartsAt: number
  /** When Astern first received it: the clock of `escalate.after`. */
  readonly openedAt: number
  readonly lastSeenAt: number
  readonly resolvedAt?: number
  readonly state: IncidentState
  readonly generatorUrl: string
  readonly externalUrl: string
  /** When people were told of it; nothing is written for it after that. */
  readonly toldAt?: number
  /** The target's uid, once it was seen to exist: the incident then counts for the storm brake. */
  readonly targetUid?: string
  readonly reopened: number
}

/** Firing again within this time of a resolve is the same incident: flapping resets no clock, ladder or blame (rules 1). */
export const REOPEN_WITHIN_MS = 30 * 60_000
/** Without a heartbeat an incident expires; longer than any usual `repeat_interval` (rules 1). */
export const EXPIRES_AFTER_MS = 12 * 3_600_000

/**
 * What an alert does to the newest incident of the same source and identity. Pure: the ledger calls it inside the
 * transaction that stores the delivery, so that every database decides alike.
 */
export function incidentEvent(
  newest: Pick<Incident, 'state' | 'episodeStartsAt' | 'resolvedAt'> | undefined,
  alert: Alert,
  now: number
): IncidentEvent {
  if (alert.status === 'firing') {
    if (newest === undefined) return 'opened'
    if (newest.state === 'open') return 'heartbeat'
    if (newest.state === 'resolved' && now - (newest.resolvedAt ?? 0) <= REOPEN_WITHIN_MS) return 'reopened'
    return 'opened'
  }
  if (newest === undefined || newest.state !== 'open') return 'ignored'
  // A late duplicate of a peer may resolve an earlier episode; it says nothing about this one.
  if (alert.startsAt < newest.episodeStartsAt || (alert.endsAt !== undefined && alert.endsAt < newest.episodeStartsAt)) return 'ignored'
  return 'resolved'
}
