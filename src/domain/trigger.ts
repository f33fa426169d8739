import type { Incident } from './incident.ts'
import { type ObjectRef, targetKey } from './objects.ts'

/** What may begin a run. */
export const TRIGGER_KINDS = ['alert', 'request', 'guard'] as const
export type TriggerKind = (typeof TRIGGER_KINDS)[number]

/** What began a run: an alert that came in, a person who asked for it, or a guard that watches a deployment. */
export type Trigger = AlertTrigger | RequestTrigger | GuardTrigger

export interface AlertTrigger {
  readonly kind: 'alert'
  readonly incident: Incident
}

/** A run that a person asked for, by API or command line: of one policy, on one target or about one alert. */
export interface RequestTrigger extends Asked {
  readonly kind: 'request'
  /** The alert that was handed over, if one was. */
  readonly alert?: AskedAlert
}

/** A run that a guard asked for, because what it watches turned out bad. */
export interface GuardTrigger extends Asked {
  readonly kind: 'guard'
}

interface Asked {
  readonly id: string
  /** The credential's name. */
  readonly by: string
  /** When it was asked for, Astern's clock. */
  readonly at: number
  /** The one object that is meant; without it the policy's own templates say which. */
  readonly target?: ObjectRef
}

export interface AskedAlert {
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  /** Epoch milliseconds. */
  readonly startsAt: number
}

/** The incident behind a run; undefined where no alert began it. */
export function incidentOf(trigger: Trigger): Incident | undefined {
  return trigger.kind === 'alert' ? trigger.incident : undefined
}

/** Who asked for the run; undefined where an alert began it. */
export function askedBy(trigger: Trigger): string | undefined {
  return trigger.kind === 'alert' ? undefined : trigger.by
}

/** The object that was asked for by name; undefined where the policy's templates say which. */
export function askedTarget(trigger: Trigger): ObjectRef | undefined {
  return trigger.kind === 'alert' ? undefined : trigger.target
}

/** When Astern first heard of it, its own clock: the time to act is counted from here. */
export function begunAt(trigger: Trigger): number {
  return trigger.kind === 'alert' ? trigger.incident.openedAt : trigger.at
}

/** The alert that a run is about: an incident's, or the one that was handed over; undefined where somebody named a target. */
export function alertOf(trigger: Trigger): AskedAlert | undefined {
  switch (trigger.kind) {
    case 'alert':
      return trigger.incident
    case 'request':
      return trigger.alert
    case 'guard':
      return undefined
  }
}

/** What templates of a policy may name. */
export function templateValues(trigger: Trigger): Pick<AskedAlert, 'labels' | 'annotations'> {
  const { labels = {}, annotations = {} } = alertOf(trigger) ?? {}
  return { labels, annotations }
}

/** Why nothing is to be done any more; undefined while something is. Who asks takes nothing back. */
export function overBecause(trigger: Trigger): string | undefined {
  return trigger.kind === 'alert' && trigger.incident.state !== 'open' ? `the incident is ${trigger.incident.state}` : undefined
}

/** What began the run, in a few words for people. */
export function triggerTitle(trigger: Trigger): string {
  const alertname = alertOf(trigger)?.labels['alertname']
  const by = askedBy(trigger)
  if (by === undefined) return alertname ?? 'alert'
  return alertname === undefined ? `asked for by ${by}` : `${alertname}, asked for by ${by}`
}

/** The labels by which messages about the run are routed: the alert's, or where its target is. */
export function routingLabels(trigger: Trigger): Readonly<Record<string, string>> {
  const alert = alertOf(trigger)
  if (alert !== undefined) return alert.labels
  const target = askedTarget(trigger)
  return target === undefined ? {} : { namespace: target.namespace, [target.kind.toLowerCase()]: target.name }
}

/** Asked twice for the same while the first run is not over, there is one run: this is what "the same" is. */
export function requestKey(policy: string, { target, alert }: Pick<RequestTrigger, 'target' | 'alert'>): string {
  const labels = Object.entries(alert?.labels ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))
  return `${policy}\n${target === undefined ? JSON.stringify(labels) : targetKey(target)}`
}
