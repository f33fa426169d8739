import type { Plan } from '../domain/plan.ts'
import type { Refusal } from '../domain/reasons.ts'
import { escalatesAt, type Run } from '../domain/run.ts'
import type { Workload } from '../domain/workload.ts'
import { firstRefusal } from './guard.ts'
import { actionOf, configuredMode, type Ports } from './ports.ts'
import { renderQueries, sampleRefusal } from './queries.ts'
import { gather } from './resolve.ts'

/** Deciding samples may be this old at the write, else one more is taken (rules 3). */
export const FRESH_MS = 30_000
/** New incidents are admitted within milliseconds; a write waits this long for them, so that a storm is seen whole. */
const ADMISSION_WAIT_MS = 2_000

/** Everything once more, right before the write (promise 7): incident, clock, target, evidence, guards, switch. */
export async function recheck(
  ports: Ports,
  run: Run,
  plan: Plan,
  workload: Workload,
  sampledAt: number | undefined,
  signal: AbortSignal
): Promise<Refusal | undefined> {
  const incident = await ports.ledger.incident(run.incident.id)
  if (incident === undefined) throw new Error(`incident ${run.incident.id} is gone`)
  if (incident.state !== 'open')
    return { reason: run.wrote ? 'symptom-not-confirmed' : 'resolved', detail: `the incident is ${incident.state}` }
  if (incident.toldAt !== undefined) return { reason: 'resolved', detail: 'people were told of the incident; nothing is written any more' }
  if (ports.clock.now() >= escalatesAt(run)) return { reason: 'inconclusive', detail: 'the time to act is up' }
  const mode = configuredMode(ports, run)
  if (mode !== 'auto')
    return { reason: mode === 'off' ? 'mode-off' : 'mode-dry-run', detail: `the mode was lowered to ${mode} before the write` }
  if (workload.uid !== plan.uid || workload.identity !== plan.from) {
    return {
      reason: 'changed-since-symptom',
      detail: 'the target changed between decision and write',
      facts: { judged: plan.from, found: workload.identity }
    }
  }
  if (sampledAt === undefined || ports.clock.now() - sampledAt > FRESH_MS) {
    const rendered = renderQueries(run, workload)
    if (rendered.kind === 'refused') return rendered.refusal
    const refusal = sampleRefusal(await ports.verifier().sample(rendered.queries, signal))
    if (refusal !== undefined) return refusal
  }
  await admissionsDone(ports, signal)
  const input = await gather(ports, run, plan.target, workload, actionOf(ports, plan.action), signal)
  // The budget was claimed with the intent; its own write would count against it here.
  return firstRefusal(
    [...ports.guards.first, ...ports.guards.later.filter(guard => guard.name !== 'budget'), ...ports.guards.plan, ...ports.guards.last],
    input
  )
}

async function admissionsDone(ports: Ports, signal: AbortSignal): Promise<void> {
  const until = ports.clock.now() + ADMISSION_WAIT_MS
  while (ports.clock.now() < until && (await ports.ledger.unadmitted(1)).length > 0) await ports.clock.sleep(20, signal)
}
