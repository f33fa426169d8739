import { audited } from '../../domain/audited.ts'
import type { Incident } from '../../domain/incident.ts'
import type { Admission } from '../../domain/ports/ledger.ts'
import { targetOf } from '../decide/target.ts'
import type { Ports } from '../ports.ts'
import { relapseMessages } from './messages.ts'

/** How many new incidents are admitted together. All of their targets are known before any of their runs begins (rules 4, storm). */
const BATCH = 1_000
/** How many targets are read at a time. */
const READS = 32

/** Gives each new incident its policy and its run. @returns how many were admitted. */
export async function admitIncidents(ports: Ports, signal: AbortSignal): Promise<number> {
  const incidents = await ports.ledger.unadmitted(BATCH)
  if (incidents.length === 0) return 0
  const admissions = await inParallel(incidents, READS, incident => admission(ports, incident, signal))
  await ports.ledger.admit(admissions, ports.policies.storm())
  ports.faults.reach('incident-admitted')
  return incidents.length
}

async function admission(ports: Ports, incident: Incident, signal: AbortSignal): Promise<Admission> {
  const at = ports.clock.now()
  if (incident.reopened > 0) {
    const before = await ports.ledger.runOfIncident(incident.id)
    if (before !== undefined)
      return {
        incident,
        at,
        messages: relapseMessages(before, ports.channels),
        audit: [
          audited.told(
            { at, runId: before.id, incidentId: incident.id },
            { why: 'the alert is back after a confirmed recovery', channels: before.policy.escalate.to }
          )
        ]
      }
  }
  const policy = ports.policies.match(incident.labels)
  if (policy === undefined) {
    return { incident, at, audit: [audited.noPolicyMatches({ at, incidentId: incident.id }, {})] }
  }
  const id = ports.ids.next()
  const resolved = targetOf(policy, { kind: 'alert', incident })
  const target = resolved.kind === 'target' ? resolved.target : undefined
  const targetUid = target === undefined ? undefined : await ports.cluster.uidOf(target, signal)
  const started = audited.runStarted(
    { at, runId: id, incidentId: incident.id },
    {
      policy: policy.name,
      mode: policy.mode,
      ...(target === undefined ? {} : { target }),
      labels: incident.labels,
      escalatesAt: incident.openedAt + policy.escalate.after
    }
  )
  return {
    incident,
    at,
    run: { id, policy, ...(target === undefined ? {} : { target }), ...(targetUid === undefined ? {} : { targetUid }) },
    audit: [started]
  }
}

async function inParallel<A, B>(items: readonly A[], width: number, work: (item: A) => Promise<B>): Promise<B[]> {
  const results: B[] = []
  for (let from = 0; from < items.length; from += width) results.push(...(await Promise.all(items.slice(from, from + width).map(work))))
  return results
}
