import { setImmediate as breathe } from 'node:timers/promises'
import { audited } from '../../domain/audited.ts'
import type { Incident } from '../../domain/incident.ts'
import type { ObjectRef } from '../../domain/objects.ts'
import type { Admission, AdmissionRoom } from '../../domain/ports/ledger.ts'
import { targetOf } from '../decide/target.ts'
import type { Ports } from '../ports.ts'
import { relapseMessages } from './messages.ts'

/** How many new incidents are admitted together. All of their targets are known before any of their runs begins (rules 4, storm). */
const BATCH = 1_000
/** How many are matched, and their templates filled, before others are answered. Each may have labels up to their limit, for many policies. */
const STRETCH = 32

/**
 * Gives new incidents their policy and their run. A source that sends very many is slowed: its incidents stand in line, and the
 * turns of their targets alternate. The other sources are not delayed by that.
 * @returns how many were admitted or got in line
 */
export async function admitIncidents(ports: Ports, signal: AbortSignal): Promise<number> {
  signal.throwIfAborted()
  const { ledger, clock } = ports
  const now = clock.now()
  const arrived = await ledger.unadmitted(BATCH)
  const room = await ledger.admissionRoom(now)
  const { atOnce, inLine } = await braked(ports, arrived, room)
  if (inLine.length > 0) {
    await ledger.getInLine(inLine)
    for (const [source, count] of countBy(inLine, one => one.incident.source)) ports.recorder.slowed(source, count, now)
  }
  const next = room.anyInLine || inLine.length > 0 ? await ledger.nextInLine(now, BATCH) : []
  await admitAll(ports, [...atOnce, ...next])
  return arrived.length + next.length
}

interface Braked {
  readonly atOnce: readonly Incident[]
  readonly inLine: readonly { readonly incident: Incident; readonly target: ObjectRef | undefined }[]
}

/** Only incidents that get a run are slowed. Those of no policy, and those that were repaired before, cost next to nothing. */
async function braked(ports: Ports, arrived: readonly Incident[], room: AdmissionRoom): Promise<Braked> {
  const placed = await inStretches(arrived, async incident => ({
    incident,
    policy: incident.reopened > 0 ? undefined : ports.policies.match(incident.labels)
  }))
  const counts = countBy(
    placed.filter(one => one.policy !== undefined),
    one => one.incident.source
  )
  const atOnce: Incident[] = []
  const inLine: { readonly incident: Incident; readonly target: ObjectRef | undefined }[] = []
  await inStretches(placed, async ({ incident, policy }) => {
    if (policy === undefined || (counts.get(incident.source) ?? 0) <= room.of(incident.source)) {
      atOnce.push(incident)
      return
    }
    const resolved = targetOf(policy, { kind: 'alert', incident })
    inLine.push({ incident, target: resolved.kind === 'target' ? resolved.target : undefined })
  })
  return { atOnce, inLine }
}

function countBy<T>(items: readonly T[], key: (item: T) => string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const item of items) counts.set(key(item), (counts.get(key(item)) ?? 0) + 1)
  return counts
}

async function admitAll(ports: Ports, incidents: readonly Incident[]): Promise<void> {
  if (incidents.length === 0) return
  const admissions = await inStretches(incidents, incident => admission(ports, incident))
  await ports.ledger.admit(admissions)
  ports.faults.reach('incident-admitted')
}

async function admission(ports: Ports, incident: Incident): Promise<Admission> {
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
    run: { id, policy, ceiling: ports.ceiling, ...(target === undefined ? {} : { target }) },
    audit: [started]
  }
}

async function inStretches<A, B>(items: readonly A[], work: (item: A) => Promise<B>): Promise<B[]> {
  const results: B[] = []
  for (let from = 0; from < items.length; from += STRETCH) {
    if (from > 0) await breathe()
    results.push(...(await Promise.all(items.slice(from, from + STRETCH).map(work))))
  }
  return results
}
