import type { Incident } from './incident.ts'
import { type ObjectRef, targetKey } from './objects.ts'

/** The kinds of what begins a run. */
export const TRIGGER_KINDS = ['alert', 'request', 'guard'] as const
export type TriggerKind = (typeof TRIGGER_KINDS)[number]

/** What began a run: an alert that came in, a person's request, or a guard that watches a deployment. */
export type Trigger = AlertTrigger | RequestTrigger | GuardTrigger

export interface AlertTrigger {
  readonly kind: 'alert'
  readonly incident: Incident
}

/** A person's request by API or command line, for a run of one policy: on one target, or about one alert. */
export interface RequestTrigger extends Asked {
  readonly kind: 'request'
  /** The alert that came with the request, if one did. */
  readonly alert?: AskedAlert
}

/** A guard's request, because the deployment that it watches turned out bad. */
export interface GuardTrigger extends Asked {
  readonly kind: 'guard'
}

interface Asked {
  readonly id: string
  /** The name of the credential that asked. */
  readonly by: string
  /** When the request came, Astern's clock. */
  readonly at: number
  /** The object that the request names. Without it the policy's own templates name the target. */
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

/** Who sent the trigger: the alert's source, or the credential that asked. */
export function sentBy(trigger: Trigger): string {
  return trigger.kind === 'alert' ? trigger.incident.source : trigger.by
}

/** The line in which a run stands: its incident's source, or that of the person who asked, so that no alert is before them. */
export function sourceOf(trigger: Trigger): string {
  return trigger.kind === 'alert' ? trigger.incident.source : `asked/${trigger.by}`
}

/** The object that a request named; undefined where the policy's templates name the target. */
export function askedTarget(trigger: Trigger): ObjectRef | undefined {
  return trigger.kind === 'alert' ? undefined : trigger.target
}

/** When Astern first received the trigger, by its own clock. The time to act counts from here. */
export function begunAt(trigger: Trigger): number {
  return trigger.kind === 'alert' ? trigger.incident.openedAt : trigger.at
}

/** The alert that a run is about: the incident's, or the request's. Undefined where the request named a target. */
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

/** What the templates of a policy may refer to. */
export function templateValues(trigger: Trigger): Pick<AskedAlert, 'labels' | 'annotations'> {
  const { labels = {}, annotations = {} } = alertOf(trigger) ?? {}
  return { labels, annotations }
}

/** Why the run has nothing to do any more; undefined while it has. Only an incident ends: a request is never taken back. */
export function overBecause(trigger: Trigger): string | undefined {
  return trigger.kind === 'alert' && trigger.incident.state !== 'open' ? `the incident is ${trigger.incident.state}` : undefined
}

/** Describes to people, in a few words, what began the run. */
export function triggerTitle(trigger: Trigger): string {
  const alertname = alertOf(trigger)?.labels['alertname']
  const by = askedBy(trigger)
  if (by === undefined) return alertname ?? 'alert'
  return alertname === undefined ? `asked for by ${by}` : `${alertname}, asked for by ${by}`
}

/** The labels by which messages about the run are routed: those of the alert, or else the target's place. */
export function routingLabels(trigger: Trigger): Readonly<Record<string, string>> {
  const alert = alertOf(trigger)
  if (alert !== undefined) return alert.labels
  const target = askedTarget(trigger)
  return target === undefined ? {} : { namespace: target.namespace, [target.kind.toLowerCase()]: target.name }
}

/** What makes two requests the same. While the run of the first is not over, the second gets that run. */
export function requestKey(policy: string, { target, alert }: Pick<RequestTrigger, 'target' | 'alert'>): string {
  const labels = Object.entries(alert?.labels ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))
  return `${policy}\n${target === undefined ? JSON.stringify(labels) : targetKey(target)}`
}
