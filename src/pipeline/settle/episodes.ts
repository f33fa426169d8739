import { SECOND } from '../../base/clock.ts'
import type { Incident } from '../../domain/incident.ts'
import { measureSymptom } from '../decide/dating.ts'
import { renderQueries } from '../decide/queries.ts'
import { targetOf } from '../decide/target.ts'
import type { Ports } from '../ports.ts'

/** How many incidents are looked at in one turn. Each costs a read and a few queries. */
const BATCH = 16
/** An incident that may have begun once more is looked at this often, milliseconds, whatever its senders say. */
const LOOK_EVERY_MS = 30 * SECOND

/**
 * Begins a new episode where an alert says that it fires since later than its incident, whose run has ended: no `resolved` may have
 * come, because Alertmanager was restarted. That is a claim, so the queries are asked: it is a new episode only if the present
 * stretch of failing began after that run ended (rules 1).
 */
export async function beginEpisodes(ports: Ports, signal: AbortSignal): Promise<void> {
  const now = ports.clock.now()
  for (const { incident, endedAt } of await ports.ledger.laterStarts(now, BATCH)) {
    const since = await failingSince(ports, incident, signal)
    if (since === 'unknown') await ports.ledger.lookLater(incident.id, now + LOOK_EVERY_MS)
    else if (since === 'not-failing' || since <= endedAt) await ports.ledger.sameEpisode(incident.id)
    else await ports.ledger.nextEpisode(incident.id, ports.clock.now())
  }
}

/** Since when the queries of the incident's policy fail, at the earliest; they are asked of the present, and then of the past. */
async function failingSince(ports: Ports, incident: Incident, signal: AbortSignal): Promise<number | 'not-failing' | 'unknown'> {
  const { clock, ledger, policies } = ports
  const trigger = { kind: 'alert', incident } as const
  const policy = policies.match(incident.labels)
  const resolved = policy === undefined ? undefined : targetOf(policy, trigger)
  if (policy === undefined || resolved?.kind !== 'target') return 'not-failing'
  const at = clock.now()
  const read = await ports.cluster.read(resolved.target, signal)
  if (read.kind !== 'found') return 'unknown'
  const { workload } = read
  const asked = { policy, trigger, target: resolved.target }
  const rendered = renderQueries(asked, workload)
  if (rendered.kind === 'refused') return 'unknown'
  const sample = await ports.verifier().sample(rendered.queries, at, signal)
  if (sample.verdict !== 'fail') return sample.verdict === 'pass' ? 'not-failing' : 'unknown'
  const { recoveredAt } = await ledger.targetFacts(resolved.target, [], '', at)
  const measured = await measureSymptom(ports, { run: asked, workload, at, ...(recoveredAt === undefined ? {} : { recoveredAt }) }, signal)
  if (measured.kind === 'stop') return 'unknown'
  const { since, orBefore, resolution } = measured.value
  return orBefore ? Number.NEGATIVE_INFINITY : since - resolution
}
