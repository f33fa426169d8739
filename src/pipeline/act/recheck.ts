import type { Plan } from '../../domain/plan.ts'
import type { Refusal } from '../../domain/reasons.ts'
import { escalatesAt, type Run } from '../../domain/run.ts'
import type { Dating } from '../../domain/symptom.ts'
import { overBecause } from '../../domain/trigger.ts'
import { FRESH_MS } from '../../domain/verdict.ts'
import type { Workload } from '../../domain/workload.ts'
import { dateAnew } from '../decide/dating.ts'
import { firstRefusal } from '../decide/guard.ts'
import { guardedSymptom } from '../decide/guarded.ts'
import { lookAgain } from '../decide/look-again.ts'
import { renderQueries, sampleRefusal } from '../decide/queries.ts'
import { gather, type Resolved } from '../decide/resolve.ts'
import { next, type StageResult } from '../decide/stage.ts'
import type { Pass } from '../pass.ts'
import { actionOf, configuredPermission, type PhasePorts } from '../ports.ts'
import { handedOverNow } from './handed-over.ts'

/** A write waits this long for new incidents, which are admitted within milliseconds, so that a whole storm is seen before it. */
const ADMISSION_WAIT_MS = 2_000

/** Checks everything once more right before the write (promise 7): whose affair it is, incident, clock, permission, target, evidence, guards. */
export async function recheck(pass: Pass, plan: Plan, workload: Workload): Promise<Refusal | undefined> {
  const { ports, run, carried, signal } = pass
  const { clock } = ports
  const handed = await handedOverNow(pass)
  if (handed !== undefined) return handed
  const over = await incidentIsOver(ports, run)
  if (over !== undefined) return over
  if (clock.now() >= escalatesAt(run)) return { reason: 'inconclusive', detail: 'the time to act is up' }
  const permission = configuredPermission(ports, run)
  if (permission !== 'act')
    return { reason: permission === 'off' ? 'mode-off' : 'mode-dry-run', detail: `the mode was lowered to ${permission} before the write` }
  if (workload.uid !== plan.uid || workload.identity !== plan.from) {
    return {
      reason: 'changed-since-symptom',
      detail: 'the target changed between decision and write',
      facts: { judged: plan.from, found: workload.identity }
    }
  }
  const { sampledAt } = carried
  if (run.trigger.kind !== 'guard' && (sampledAt === undefined || clock.now() - sampledAt > FRESH_MS)) {
    const rendered = renderQueries(run, workload)
    if (rendered.kind === 'refused') return rendered.refusal
    const refusal = sampleRefusal(await ports.verifier().sample(rendered.queries, clock.now(), signal))
    if (refusal !== undefined) return refusal
  }
  await admissionsDone(ports, signal)
  const action = actionOf(ports, plan.action)
  const at = clock.now()
  const { workload: judged } = await lookAgain(ports, { target: plan.target, workload, at })
  const guardInput = await gather(ports, { run, at, target: plan.target, workload: judged, action }, signal)
  const dating = await datedAgain(ports, { run, workload: judged, guardInput, at }, signal)
  return dating.kind === 'stop'
    ? dating.refusal
    : firstRefusal(ports.guards.beforeWrite, { ...guardInput, touches: plan.touches ?? [], dating: dating.value })
}

/** Asks everything again that dates the symptom: the queries, or the guard whose verdict it is. */
async function datedAgain(
  ports: PhasePorts,
  input: Pick<Resolved, 'run' | 'workload' | 'guardInput' | 'at'>,
  signal: AbortSignal
): Promise<StageResult<Dating>> {
  const { trigger } = input.run
  if (trigger.kind !== 'guard') return dateAnew(ports, input, signal)
  const judged = await guardedSymptom(ports, trigger, input, signal)
  return judged.kind === 'stop' ? judged : next(judged.value.guardInput.dating)
}

/** Refuses where the incident resolved, or people were told of it, since this pass began. */
async function incidentIsOver({ ledger }: PhasePorts, { trigger, wrote }: Run): Promise<Refusal | undefined> {
  if (trigger.kind !== 'alert') return undefined
  const incident = await ledger.incident(trigger.incident.id)
  if (incident === undefined) throw new Error(`incident ${trigger.incident.id} is gone`)
  const detail = overBecause({ kind: 'alert', incident })
  // The next look asks the queries whether that is so.
  if (detail !== undefined) return { reason: wrote ? 'symptom-not-confirmed' : 'resolve-unconfirmed', detail }
  if (incident.toldAt === undefined) return undefined
  return { reason: 'resolved', detail: 'people were told of the incident; nothing is written any more' }
}

async function admissionsDone({ clock, ledger }: PhasePorts, signal: AbortSignal): Promise<void> {
  const until = clock.now() + ADMISSION_WAIT_MS
  while (clock.now() < until && (await ledger.unadmitted(1)).length > 0) await clock.sleep(20, signal)
}
