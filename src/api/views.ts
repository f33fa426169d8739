import { formatDuration } from '../base/duration.ts'
import type { GuardPolicy } from '../domain/deploy-guard.ts'
import type { Incident } from '../domain/incident.ts'
import { formatMargin } from '../domain/margin.ts'
import { targetKey } from '../domain/objects.ts'
import { OUTCOMES } from '../domain/outcomes.ts'
import type { Policy } from '../domain/policy.ts'
import { REASONS } from '../domain/reasons.ts'
import { escalatesAt, type Run } from '../domain/run.ts'
import { alertOf, incidentOf, type Trigger } from '../domain/trigger.ts'
import type { IncidentSchema, RunSchema, TriggerSchema, ViewOf } from './answers.ts'

function time(instant: number): string {
  return new Date(instant).toISOString()
}

function maybe(instant: number | undefined): string | undefined {
  return instant === undefined ? undefined : time(instant)
}

/** A run as the API shows it: times in RFC 3339, every closed word with its sentence. */
export function runView(run: Run): ViewOf<typeof RunSchema> {
  return {
    id: run.id,
    kind: run.kind,
    policy: run.policy.name,
    target: run.target === undefined ? undefined : targetKey(run.target),
    state: run.state,
    step: run.step,
    action: run.policy.steps[run.step]?.action,
    outcome: run.outcome,
    reason: run.reason,
    sentence: run.reason === undefined ? (run.outcome === undefined ? undefined : OUTCOMES[run.outcome]) : REASONS[run.reason].sentence,
    detail: run.detail,
    wrote: run.wrote,
    symptom: symptomView(run.symptom),
    handedOver: handedOverView(run.handedOver),
    createdAt: time(run.createdAt),
    nextAt: run.state === 'ended' ? undefined : time(run.nextAt),
    endedAt: maybe(run.endedAt),
    escalatesAt: run.kind === 'live' ? time(escalatesAt(run)) : undefined,
    trigger: triggerView(run.trigger),
    incident: incidentView(incidentOf(run.trigger))
  }
}

function handedOverView(handed: Run['handedOver']): ViewOf<typeof RunSchema>['handedOver'] {
  if (handed === undefined) return undefined
  return { by: handed.by, at: time(handed.at), reason: handed.reason, stopsWatching: handed.stop === true }
}

function symptomView(symptom: Run['symptom']): ViewOf<typeof RunSchema>['symptom'] {
  if (symptom === undefined) return undefined
  const { since, orBefore, queries, measuredAt } = symptom
  return { since: time(since), orBefore, queries: [...queries], measuredAt: time(measuredAt) }
}

/** What began the run: an alert's incident stands beside it. */
function triggerView(trigger: Trigger): ViewOf<typeof TriggerSchema> {
  if (trigger.kind === 'alert') return { kind: trigger.kind }
  const alert = alertOf(trigger)
  return {
    kind: trigger.kind,
    by: trigger.by,
    at: time(trigger.at),
    ...(alert === undefined ? {} : { alert: { labels: alert.labels, startsAt: time(alert.startsAt) } })
  }
}

function incidentView(incident: Incident | undefined): ViewOf<typeof IncidentSchema> | undefined {
  if (incident === undefined) return undefined
  return {
    id: incident.id,
    source: incident.source,
    state: incident.state,
    labels: incident.labels,
    startsAt: time(incident.startsAt),
    openedAt: time(incident.openedAt),
    resolvedAt: maybe(incident.resolvedAt),
    toldAt: maybe(incident.toldAt)
  }
}

export function policyView(policy: Policy): Readonly<Record<string, unknown>> {
  return {
    name: policy.name,
    mode: policy.mode,
    match: policy.match,
    target: policy.target,
    changedWithin: policy.changedWithin === undefined ? undefined : formatDuration(policy.changedWithin),
    verify: policy.verify.map(query => ({
      name: query.name,
      promql: query.promql,
      failWhen: `${query.failWhen.comparison} ${query.failWhen.value}`,
      window: formatDuration(query.window)
    })),
    steps: policy.steps.map(step => ({ action: step.action, with: step.with })),
    guards: limitsView(policy.guards),
    escalate: { after: formatDuration(policy.escalate.after), to: policy.escalate.to }
  }
}

function limitsView({ namespaces, cooldown, budgets }: Policy['guards']) {
  return {
    namespaces,
    cooldown: formatDuration(cooldown),
    budgets: budgets.map(budget => ({ ...budget, per: formatDuration(budget.per) }))
  }
}

/** An entry of `guards:`, as the policy file has it, with every default. */
export function guardPolicyView({ name, mode, guards, steps, escalate, widest, objective, metrics }: GuardPolicy) {
  return {
    name,
    mode,
    ...limitsView(guards),
    steps: steps.map(step => ({ action: step.action, with: step.with })),
    bounds: { tolerate: formatMargin(widest), ...(objective === undefined ? {} : { objective }), metrics },
    escalate: { after: formatDuration(escalate.after), to: escalate.to }
  }
}
