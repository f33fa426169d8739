import type { DecisionFacts } from '../../domain/decision-facts.ts'
import type { Message } from '../../domain/message.ts'
import { targetKey } from '../../domain/objects.ts'
import { OUTCOMES, type Outcome } from '../../domain/outcomes.ts'
import { REASONS, type Refusal } from '../../domain/reasons.ts'
import type { Run } from '../../domain/run.ts'
import { alertOf, askedBy, incidentOf, routingLabels, triggerTitle } from '../../domain/trigger.ts'
import { runIds } from '../run-ids.ts'

/** Kubernetes Events are written for everything that ends; the channel has this fixed name. */
export const EVENT_CHANNEL = 'kubernetes-event'

export interface Ending {
  readonly outcome: Outcome
  readonly refusal?: Refusal
  readonly detail: string
  /** The command that undoes what was written. */
  readonly reverse?: string
}

/** People are told of these; a run that recovered, resolved or was a dry run ends quietly. */
export function needsPeople(ending: Ending): boolean {
  switch (ending.outcome) {
    case 'recovered':
    case 'resolved':
    case 'dry-run':
    case 'rejected':
      return false
    case 'denied':
      return ending.refusal === undefined || REASONS[ending.refusal.reason].disposition === 'people'
    case 'ineffective':
    case 'failed':
    case 'unknown':
    case 'expired':
    case 'timed-out':
      return true
  }
}

/** What people read: what it is about, what Astern did or did not do, why, and how to undo it. */
export function endingMessages(run: Run, ending: Ending, channels: readonly string[], storming: readonly string[] = []): Message[] {
  const { trigger, policy } = run
  const about = alertOf(trigger)
  const incident = incidentOf(trigger)
  const by = askedBy(trigger)
  const target = run.target === undefined ? 'target unknown' : targetKey(run.target)
  const people = needsPeople(ending)
  const isStorm = ending.refusal?.reason === 'storm'
  const title = isStorm ? `Astern does nothing: many targets alert at once` : `${target}: ${triggerTitle(trigger)}: ${titleOf(ending)}`
  const why = ending.refusal === undefined ? OUTCOMES[ending.outcome] : REASONS[ending.refusal.reason].sentence
  const text = [why, ending.detail, ending.reverse === undefined ? undefined : `To undo what was written: ${ending.reverse}`]
    .filter(line => line !== undefined && line !== '')
    .join('\n')
  const storm = isStorm ? (ending.refusal?.facts?.storm ?? '') : undefined
  return [...channels, EVENT_CHANNEL]
    .filter(channel => channel !== EVENT_CHANNEL || run.target !== undefined)
    .map(channel => ({
      // One message for a whole storm, updated with its list; one per run and ending otherwise.
      key: storm !== undefined && channel !== EVENT_CHANNEL ? `storm/${storm}/${channel}` : `${run.id}/${ending.outcome}/${channel}`,
      channel,
      kind: storm !== undefined && channel !== EVENT_CHANNEL ? ('storm' as const) : people ? ('escalation' as const) : ('notice' as const),
      title,
      text,
      severity: people ? ('critical' as const) : ('info' as const),
      ...runIds(run),
      labels: routingLabels(trigger),
      details:
        storm !== undefined && channel !== EVENT_CHANNEL
          ? { storm, count: ending.refusal?.facts?.targets, targets: storming }
          : {
              run: run.id,
              ...(incident === undefined ? {} : { incident: incident.id }),
              ...(by === undefined ? {} : { askedBy: by }),
              policy: policy.name,
              target,
              outcome: ending.outcome,
              ...(ending.refusal === undefined ? {} : { reason: ending.refusal.reason, ...evidenceOf(ending.refusal) }),
              wrote: run.wrote,
              ...(run.progress?.lastSample === undefined ? {} : { lastSample: run.progress.lastSample }),
              ...(ending.reverse === undefined ? {} : { reverse: ending.reverse }),
              ...(about === undefined
                ? {}
                : { alert: { startsAt: new Date(about.startsAt).toISOString(), generatorURL: incident?.generatorUrl ?? '' } })
            }
    }))
}

/** A repaired incident is back: no second automatic action, people look. */
export function relapseMessages(run: Run): Message[] {
  return endingMessages(
    run,
    { outcome: 'ineffective', detail: `run ${run.id} confirmed the recovery, and the alert fires again` },
    run.policy.escalate.to
  ).map(message => ({ ...message, key: message.key.replace('/ineffective/', '/relapse/') }))
}

function titleOf(ending: Ending): string {
  return ending.refusal === undefined ? ending.outcome : `${ending.outcome} (${ending.refusal.reason})`
}

function evidenceOf(refusal: Refusal): { readonly evidence?: DecisionFacts } {
  return refusal.facts === undefined ? {} : { evidence: refusal.facts }
}
