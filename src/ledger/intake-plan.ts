import { labelsIdentity } from '../base/hashes.ts'
import type { AuditEntry } from '../domain/audit.ts'
import type { Alert, Delivery, IncidentAnswer } from '../domain/incident.ts'
import { effectOf, type IncidentDraft, type KnownIncident } from './alert-effect.ts'
import type { Tables } from './tables.ts'

/** What distinguishes alerts: the sender's source, and the hash of the labels. */
export interface IncidentKey {
  readonly source: string
  readonly identity: string
}

/** A delivery whose alerts each have their key, which stands for a source and an identity. */
export interface KeyedDelivery {
  readonly delivery: Delivery
  readonly alerts: readonly { readonly alert: Alert; readonly key: string; readonly identity: string }[]
}

/** What a batch of deliveries does to the ledger. */
export interface IntakePlan {
  readonly fresh: readonly Tables['incidents'][]
  /** The label sets of the fresh ones. */
  readonly labelSets: readonly Tables['label_sets'][]
  /** Incidents of which only the time last seen changes. */
  readonly seen: readonly KnownIncident[]
  readonly changed: readonly KnownIncident[]
  /** Incidents whose waiting runs become due at once. */
  readonly due: ReadonlySet<string>
  readonly reopened: ReadonlySet<string>
  readonly audit: readonly AuditEntry[]
  /** One list for each delivery, in order. */
  readonly answers: readonly (readonly IncidentAnswer[])[]
  readonly now: number
}

/** Gives each alert of a delivery its key. */
export function keyed(deliveries: readonly Delivery[]): readonly KeyedDelivery[] {
  return deliveries.map(delivery => ({
    delivery,
    alerts: delivery.alerts.map(alert => {
      const identity = labelsIdentity(alert.labels)
      return { alert, identity, key: `${delivery.source}\n${identity}` }
    })
  }))
}

/** Lists every key of the deliveries once. */
export function keysOf(deliveries: readonly KeyedDelivery[]): ReadonlyMap<string, IncidentKey> {
  const keys = new Map<string, IncidentKey>()
  for (const { delivery, alerts } of deliveries)
    for (const { key, identity } of alerts) keys.set(key, { source: delivery.source, identity })
  return keys
}

/**
 * Decides what a batch of deliveries does to the ledger. It is pure, so that every database decides alike.
 * @param known the newest incident of each key that has one
 * @param ids identifiers for new incidents, one for each alert
 */
export function planIntake(
  deliveries: readonly KeyedDelivery[],
  known: ReadonlyMap<string, KnownIncident>,
  ids: readonly string[]
): IntakePlan {
  const drafts = new Map<string, IncidentDraft>()
  const audit: AuditEntry[] = []
  const due = new Set<string>()
  const reopened = new Set<string>()
  let opened = 0
  const answers = deliveries.map(({ delivery, alerts }) =>
    alerts.map(({ alert, key, identity }) => {
      const effect = effectOf(drafts.get(key) ?? draftOf(known.get(key)), { delivery, alert, identity, freshId: ids[opened] ?? '' })
      if (effect.draft !== undefined) drafts.set(key, effect.draft)
      if (effect.audit !== undefined) audit.push(effect.audit)
      const { answer } = effect
      if (answer.state === 'opened') opened += 1
      // A waiting run becomes due at each heartbeat, and when its alert resolves (rules 6).
      if (answer.state === 'heartbeat' || answer.state === 'resolved' || answer.state === 'reopened') due.add(answer.id)
      if (answer.state === 'reopened') reopened.add(answer.id)
      return answer
    })
  )
  if (opened > ids.length) throw new Error(`${opened} incidents were opened with ${ids.length} identifiers`)
  const all = [...drafts.values()]
  return {
    fresh: all.flatMap(draft => (draft.kind === 'fresh' ? [draft.row] : [])),
    labelSets: all.flatMap(draft => (draft.kind === 'fresh' ? [labelSetOf(draft)] : [])),
    seen: all.flatMap(draft => (draft.kind === 'known' && draft.change === 'seen' ? [draft.row] : [])),
    changed: all.flatMap(draft => (draft.kind === 'known' && draft.change === 'state' ? [draft.row] : [])),
    due,
    reopened,
    audit,
    answers,
    now: Math.max(...deliveries.map(({ delivery }) => delivery.receivedAt))
  }
}

function labelSetOf({ row: { source, identity }, labels }: IncidentDraft & { readonly kind: 'fresh' }): Tables['label_sets'] {
  return { source, identity, labels_json: JSON.stringify(labels) }
}

function draftOf(row: KnownIncident | undefined): IncidentDraft | undefined {
  return row === undefined ? undefined : { kind: 'known', row, change: 'none' }
}
