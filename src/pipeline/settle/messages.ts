import type { Message, MessageEvent } from '../../domain/message.ts'
import { targetKey } from '../../domain/objects.ts'
import { OUTCOMES, type Outcome } from '../../domain/outcomes.ts'
import type { Plan } from '../../domain/plan.ts'
import type { Channels } from '../../domain/ports/channels.ts'
import { REASONS, type Refusal } from '../../domain/reasons.ts'
import { recipients } from '../../domain/recipients.ts'
import type { Run } from '../../domain/run.ts'
import { measuredText, type Symptom } from '../../domain/symptom.ts'
import { alertOf, askedBy, incidentOf, routingLabels, triggerTitle } from '../../domain/trigger.ts'
import type { WhatChanged } from '../../domain/what-changed.ts'
import { runIds } from '../run-ids.ts'

export interface Ending {
  readonly outcome: Outcome
  readonly refusal?: Refusal
  readonly detail: string
  /** The command that undoes what was written. */
  readonly reverse?: string
  /** The command that mends what a failed program left. */
  readonly repair?: string
  /** What changed before the symptom. */
  readonly changed?: WhatChanged | undefined
}

/** The outcomes that people are told of. A run that recovered, resolved or was a dry run ends quietly. */
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

/**
 * The messages about a run that ended: what it was about, what Astern did or did not do, why, and how to undo it. Each channel of
 * the policy that takes the event gets one, and so does each standing channel where the run has a target.
 */
export function endingMessages(run: Run, ending: Ending, channels: Channels): Message[] {
  const { policy } = run
  const people = needsPeople(ending)
  const event: MessageEvent = people ? 'needs-people' : 'over'
  const content = {
    event,
    title: titleOf(run, ending),
    text: textOf(run, ending),
    severity: people ? 'critical' : 'info',
    ...runIds(run),
    labels: routingLabels(run.trigger)
  } as const
  const group = people ? groupOf(run) : undefined
  const own = (channel: string): Message => ({
    ...(group === undefined ? {} : { group: `${group.source}\n${group.target}` }),
    key: `${run.id}/${ending.outcome}/${channel}`,
    channel,
    subject: { kind: 'run', id: run.id },
    ...content,
    details: detailsOf(run, ending)
  })
  const storm = stormOf(ending)
  const hours = storm === undefined ? 0 : (ending.refusal?.facts?.hours ?? 0)
  // A whole storm has one message, which is updated with the list. Its runs share the key.
  const sharedInStorm = (channel: string): Message =>
    storm === undefined
      ? own(channel)
      : {
          // Each hour that it lasts begins another message, so that nobody takes a storm for over.
          key: hours === 0 ? `storm/${storm}/${channel}` : `storm/${storm}/${hours}/${channel}`,
          channel,
          subject: { kind: 'storm', id: storm },
          ...content,
          // The ledger adds the list when it stores the message.
          details: { storm, count: ending.refusal?.facts?.targets }
        }
  return [
    ...recipients(channels, policy.escalate.to, event, sharedInStorm),
    ...(run.target === undefined ? [] : channels.standing.map(own))
  ]
}

/** The notice that Astern wrote, and watches. It is no call for people. */
export function actedMessages(run: Run, plan: Plan, channels: Channels): Message[] {
  return recipients(channels, run.policy.escalate.to, 'acted', channel => ({
    key: `${run.id}/acted/${run.step}/${channel}`,
    channel,
    subject: { kind: 'run', id: run.id },
    event: 'acted',
    title: `${targetOf(run)}: ${triggerTitle(run.trigger)}: ${plan.action}`,
    text: [plan.summary, run.symptom === undefined ? '' : measuredText(run.symptom), `To undo what was written: ${plan.reverse}`]
      .filter(line => line !== '')
      .join('\n'),
    severity: 'warning',
    ...runIds(run),
    labels: routingLabels(run.trigger),
    details: {
      ...detailsOf(run, { outcome: 'acted', reverse: plan.reverse, changed: plan.changed }),
      action: plan.action,
      plan: plan.summary
    }
  }))
}

/**
 * The source and the target whose alerts share one message. A run that has written has a message of its own, and so has one that a
 * person asked for. Runs without a target are told by their policy.
 */
export function groupOf({ trigger, target, policy, wrote }: Run): { readonly source: string; readonly target: string } | undefined {
  if (trigger.kind !== 'alert' || wrote) return undefined
  return { source: trigger.incident.source, target: target === undefined ? `policy ${policy.name}` : targetKey(target) }
}

/** The messages that tell people that a repaired incident is back. Astern does not act on it a second time. */
export function relapseMessages(run: Run, channels: Channels): Message[] {
  return endingMessages(
    run,
    { outcome: 'ineffective', detail: `run ${run.id} confirmed the recovery, and the alert fires again` },
    channels
  ).map(message => ({ ...message, key: message.key.replace('/ineffective/', '/relapse/') }))
}

function stormOf({ refusal }: Ending): string | undefined {
  return refusal?.reason === 'storm' ? (refusal.facts?.storm ?? '') : undefined
}

function titleOf(run: Run, ending: Ending): string {
  if (stormOf(ending) !== undefined) {
    const hours = ending.refusal?.facts?.hours ?? 0
    return `Astern does nothing${hours === 0 ? '' : ` for ${hours} ${hours === 1 ? 'hour' : 'hours'} now`}: many targets alert at once`
  }
  const outcome = ending.refusal === undefined ? ending.outcome : `${ending.outcome} (${ending.refusal.reason})`
  return `${targetOf(run)}: ${triggerTitle(run.trigger)}: ${outcome}`
}

function textOf({ symptom }: Run, { outcome, refusal, detail, reverse, repair }: Ending): string {
  const why = refusal === undefined ? OUTCOMES[outcome] : REASONS[refusal.reason].sentence
  const since = symptom === undefined ? undefined : measuredText(symptom)
  const commands = [
    repair === undefined ? undefined : `To repair it: ${repair}`,
    reverse === undefined ? undefined : `To undo what was written: ${reverse}`
  ]
  return [why, detail, since, ...commands].filter(line => line !== undefined && line !== '').join('\n')
}

/** How a run stands that a message tells of. */
type Told = Pick<Ending, 'refusal' | 'reverse' | 'repair' | 'changed'> & { readonly outcome: Outcome | 'acted' }

function detailsOf(run: Run, { outcome, refusal, reverse, repair, changed }: Told): Message['details'] {
  const { trigger, policy, progress } = run
  const incident = incidentOf(trigger)
  const alert = alertOf(trigger)
  const by = askedBy(trigger)
  const runbook = alert?.annotations['runbook_url']
  return {
    run: run.id,
    ...(incident === undefined ? {} : { incident: incident.id }),
    ...(by === undefined ? {} : { askedBy: by }),
    policy: policy.name,
    target: targetOf(run),
    outcome,
    ...(refusal === undefined ? {} : { reason: refusal.reason, ...(refusal.facts === undefined ? {} : { evidence: refusal.facts }) }),
    wrote: run.wrote,
    ...(run.symptom === undefined ? {} : { symptom: symptomOf(run.symptom) }),
    ...(progress?.lastSample === undefined ? {} : { lastSample: progress.lastSample }),
    ...(changed === undefined ? {} : { changed }),
    ...(reverse === undefined ? {} : { reverse }),
    ...(repair === undefined ? {} : { repair }),
    ...(alert === undefined
      ? {}
      : {
          alert: {
            startsAt: new Date(alert.startsAt).toISOString(),
            generatorURL: incident?.generatorUrl ?? '',
            ...(runbook === undefined ? {} : { runbook })
          }
        })
  }
}

function symptomOf({ since, orBefore, queries }: Symptom) {
  return { since: new Date(since).toISOString(), orBefore, queries }
}

function targetOf({ target }: Run): string {
  return target === undefined ? 'target unknown' : targetKey(target)
}
