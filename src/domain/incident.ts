import type { RefusedAlert } from './alert-limits.ts'

/** One element of a sender's payload, parsed. Instants are epoch milliseconds. */
export interface Alert {
  readonly status: 'firing' | 'resolved'
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly startsAt: number
  /** Absent while the alert fires (Alertmanager then writes year 1). */
  readonly endsAt?: number
  readonly generatorUrl: string
  /** It is the alert that always fires: it opens no incident, and is only heard. */
  readonly watchdog?: true
}

/** What a sender posted in one request, or a part of it. All of it is durable before the sender gets its answer. */
export interface Delivery {
  readonly id: string
  readonly receivedAt: number
  /** The credential's name, or the `source` its token carries: two Alertmanager peers may share one. */
  readonly source: string
  readonly externalUrl: string
  readonly alerts: readonly Alert[]
  /** Alerts of it that are not taken. */
  readonly refused: readonly RefusedAlert[]
  /** The bytes as received, kept for seven days. */
  readonly raw: Uint8Array
  /** A large delivery is stored in parts, each in a transaction of its own. The first one is 0. */
  readonly part: number
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
  /** When the first episode began to fire, as senders say; the earliest of them. It is only shown. */
  readonly startsAt: number
  /**
   * When the episode that is open now began to fire: the earliest that a sender said, and no later than Astern heard of it. A late
   * duplicate of an earlier `resolved` is recognised by it.
   */
  readonly episodeStartsAt: number
  /** When Astern first received it. `escalate.after` counts from here. */
  readonly openedAt: number
  readonly lastSeenAt: number
  readonly resolvedAt?: number
  readonly state: IncidentState
  readonly generatorUrl: string
  readonly externalUrl: string
  /** When people were told of the incident. Astern writes nothing for it after that. */
  readonly toldAt?: number
  /** When Astern first measured that the symptom is there. Absent where it never was. */
  readonly verifiedAt?: number
  readonly reopened: number
}

/** An alert that fires again within this time of its resolve is the same incident: flapping resets no clock, ladder or blame (rules 1). */
export const REOPEN_WITHIN_MS = 30 * 60_000
/** An incident expires after this time without a heartbeat. It is longer than any usual `repeat_interval` (rules 1). */
export const EXPIRES_AFTER_MS = 12 * 3_600_000

/**
 * Decides what an alert does to the newest incident of the same source and identity. It is pure, and the ledger calls it inside
 * the transaction that stores the delivery, so that every database decides alike.
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
  // A peer's late duplicate may resolve an earlier episode. It says nothing about the one that is open. What the sender says of
  // the start decides nothing: two replicas of one source know of different ones.
  if (alert.endsAt !== undefined && alert.endsAt < newest.episodeStartsAt) return 'ignored'
  return 'resolved'
}
