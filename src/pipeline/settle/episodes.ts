import { SECOND } from '../../base/clock.ts'
import type { LaterStart } from '../../domain/ports/episode-ledger.ts'
import { measureSymptom, passedWithin } from '../decide/dating.ts'
import { renderQueries } from '../decide/queries.ts'
import { readTarget } from '../decide/resolve.ts'
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
 * @returns how many began
 */
export async function beginEpisodes(ports: Ports, signal: AbortSignal): Promise<number> {
  const { ledger, clock } = ports
  const later = await ledger.laterStarts(clock.now(), BATCH)
  const begun = await Promise.all(
    later.map(async one => {
      switch (await compare(ports, one, signal)) {
        case 'new':
          await ledger.nextEpisode(one.incident.id, clock.now())
          return 1
        case 'same':
          await ledger.sameEpisode(one)
          return 0
        case 'unknown':
          await ledger.lookLater(one.incident.id, clock.now() + LOOK_EVERY_MS)
          return 0
      }
    })
  )
  return begun.reduce<number>((sum, one) => sum + one, 0)
}

/** Whether the failing is that of the episode whose run ended at `endedAt`, or began after it. */
async function compare(ports: Ports, { incident, endedAt }: LaterStart, signal: AbortSignal): Promise<'new' | 'same' | 'unknown'> {
  const { clock, ledger, policies } = ports
  const trigger = { kind: 'alert', incident } as const
  const policy = policies.match(incident.labels)
  const resolved = policy === undefined ? undefined : targetOf(policy, trigger)
  if (policy === undefined || resolved?.kind !== 'target') return 'same'
  const at = clock.now()
  const read = await readTarget(ports, { policy, target: resolved.target }, signal)
  if (read.kind === 'stop') return read.refusal.reason === 'namespace-not-allowed' ? 'same' : 'unknown'
  const workload = read.value
  const run = { policy, trigger, target: resolved.target }
  const rendered = renderQueries(run, workload)
  if (rendered.kind === 'refused') return 'unknown'
  const sample = await ports.verifier().sample(rendered.queries, at, signal)
  // An alert may come a moment before its query fails, as a run may wait for its symptom. It has as long as a run has.
  if (sample.verdict === 'pass') return at < incident.lastSeenAt + policy.escalate.after ? 'unknown' : 'same'
  if (sample.verdict !== 'fail') return 'unknown'
  const { recoveredAt = Number.NEGATIVE_INFINITY } = await ledger.targetFacts(resolved.target, [], '', at)
  const measured = await measureSymptom(ports, { run, workload, at, recoveredAt }, signal)
  if (measured.kind === 'stop') return 'unknown'
  const { since, orBefore, resolution } = measured.value
  if (orBefore || since - resolution <= endedAt) return 'same'
  // The run's own samples showed a recovery.
  if (recoveredAt >= endedAt) return 'new'
  // A Prometheus that was restarted leaves a hole, and names a later start for the very same trouble. No data proves no recovery.
  const passed = await passedWithin(ports, { run, workload, from: endedAt, to: since }, signal)
  return passed.kind === 'stop' ? 'unknown' : passed.value ? 'new' : 'same'
}
